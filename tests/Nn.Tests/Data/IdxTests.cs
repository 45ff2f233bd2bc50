using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Nn.Tests.Data;

public sealed class IdxTests
{
    private static readonly byte[] Good = DataFiles.Idx([2, 3], 1, 2, 3, 4, 5, 255);

    public static TheoryData<bool> Packed => [false, true];

    private static NdArray Read(byte[] file, bool packed) => Idx.Read(new MemoryStream(packed ? DataFiles.Gzip(file) : file));

    [Theory, MemberData(nameof(Packed))]
    public void Read_GoodFile_GivesItsBytes(bool packed)
    {
        var array = Read(Good, packed);
        Assert.Equal(([2, 3], DType.UInt8), (array.Shape, array.DType));
        Assert.Equal([1, 2, 3, 4, 5, 255], array.ToArray<byte>());
    }

    [Theory]
    [InlineData("", "not an IDX file")]
    [InlineData("0000", "not an IDX file")]
    [InlineData("0100080100000001FF", "not an IDX file")]
    [InlineData("00000A010000000100000000", "elements are of type 0x0A, expected 0x08, 0x09 or 0x0B to 0x0E")]
    [InlineData("0000080000", "0 axes, expected 1 to 32")]
    [InlineData("00000821", "33 axes, expected 1 to 32")]
    [InlineData("0000080200000001", "ends inside its header")]
    [InlineData("00000801FFFFFFFF", "size -1 of an axis")]
    [InlineData("0000080100000000", "size 0 of an axis")]
    [InlineData("000008027FFFFFFF0FFFFFFF", "more than the file can hold")]
    [InlineData("000008037FFFFFFF7FFFFFFF7FFFFFFF", "more than 2^59 elements")]
    [InlineData("0000080130000000", "needs 805306368 bytes, more than the file can hold")]
    public void Read_BadHeader_IsRejected(string hex, string message)
    {
        foreach (var packed in new[] { false, true })
        {
            var e = Assert.Throws<FormatException>(() => Read(Convert.FromHexString(hex), packed));
            Assert.StartsWith("[idx] ", e.Message, StringComparison.Ordinal);
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
        }
    }

    // −2 and 258, or 1.5, as big-endian bytes.
    [Theory]
    [InlineData("00000901" + "00000002" + "FE05", DType.Int8, new[] { -2.0, 5 })]
    [InlineData("00000B01" + "00000002" + "FFFE0102", DType.Int16, new[] { -2.0, 258 })]
    [InlineData("00000C01" + "00000002" + "FFFFFFFE00000102", DType.Int32, new[] { -2.0, 258 })]
    [InlineData("00000D01" + "00000001" + "3FC00000", DType.Float32, new[] { 1.5 })]
    [InlineData("00000E01" + "00000001" + "3FF8000000000000", DType.Float64, new[] { 1.5 })]
    [InlineData("00000805" + "0000000100000001000000010000000100000002" + "0701", DType.UInt8, new[] { 7.0, 1 })]
    public void Read_OfAnyType_KeepsIt(string hex, DType dtype, double[] values)
    {
        foreach (var packed in new[] { false, true })
        {
            var array = Read(Convert.FromHexString(hex), packed);
            Assert.Equal(dtype, array.DType);
            Assert.Equal(values, array.AsType(DType.Float64).ToArray<double>());
        }
    }

    [Fact]
    public void Read_PackedFileCutOrFlippedAnywhere_IsAFormatException()
    {
        var file = DataFiles.Gzip(Good);
        for (var length = 0; length < file.Length; length++) Assert.Throws<FormatException>(() => Idx.Read(new MemoryStream(file[..length])));
        for (var i = 0; i < file.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var damaged = (byte[])file.Clone();
                damaged[i] ^= (byte)(1 << bit);
                try
                {
                    Assert.Equal(Good[12..], Idx.Read(new MemoryStream(damaged)).ToArray<byte>());
                }
                catch (FormatException e)
                {
                    Assert.StartsWith("[idx] ", e.Message, StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public void Read_OfSeveralGzipMembers_JoinsThem() =>
        Assert.Equal([1, 2, 3, 4, 5, 255], Idx.Read(new MemoryStream([.. DataFiles.Gzip(Good[..7]), .. DataFiles.Gzip(Good[7..])])).ToArray<byte>());

    // A claim of 1 GB in a file of 1 MB takes what is there.
    [Fact]
    public void Read_GreatClaimOfAPackedFile_AllocatesLittle()
    {
        var noise = new byte[1 << 20];
        new Random(1).NextBytes(noise);
        var file = DataFiles.Gzip([0, 0, 8, 1, 0x3F, 0, 0, 0, .. noise]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("[idx] shape (1056964608,) needs 1056964608 bytes, the file has 1048576", Assert.Throws<FormatException>(() => Idx.Read(new MemoryStream(file))).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Theory, MemberData(nameof(Packed))]
    public void Read_CutAnywhere_IsAFormatException(bool packed)
    {
        for (var length = 0; length < Good.Length; length++) Assert.Throws<FormatException>(() => Read(Good[..length], packed));
    }

    [Fact]
    public void Read_PackedFileThatEndsEarly_SaysWhatIsMissing() =>
        Assert.Equal("[idx] shape (2, 3) needs 6 bytes, the file has 5", Assert.Throws<FormatException>(() => Read(Good[..^1], packed: true)).Message);

    [Theory, MemberData(nameof(Packed))]
    public void Read_TooLong_IsRejected(bool packed) =>
        Assert.Contains("goes on after the 6 bytes", Assert.Throws<FormatException>(() => Read([.. Good, 0], packed)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_DamagedGzip_IsAFormatException()
    {
        var file = DataFiles.Gzip(Good);
        file[12] ^= 0xFF;
        Assert.StartsWith("[idx] the gzip data are damaged: ", Assert.Throws<FormatException>(() => Idx.Read(new MemoryStream(file))).Message, StringComparison.Ordinal);
    }
}
