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
    [InlineData("00000D010000000100000000", "elements are of type 0x0D")]
    [InlineData("0000080000", "0 axes, expected 1 to 4")]
    [InlineData("00000805", "5 axes, expected 1 to 4")]
    [InlineData("0000080200000001", "ends inside its header")]
    [InlineData("00000801FFFFFFFF", "size -1 of an axis")]
    [InlineData("0000080100000000", "size 0 of an axis")]
    [InlineData("000008027FFFFFFF7FFFFFFF", "more than 1,073,741,824 bytes")]
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
