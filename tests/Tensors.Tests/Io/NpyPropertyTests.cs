using System.Buffers;
using CsCheck;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

public sealed class NpyPropertyTests
{
    private const string Seed = "0N0XIzNsQ0O2";

    public static TheoryData<DType> AllTypes => [.. Enum.GetValues<DType>().Where(dtype => dtype != DType.BFloat16)];

    [Theory, MemberData(nameof(AllTypes))]
    public void ReadOfWrite_AnyView_HasTheSameElements(DType dtype) => Views.Gen(dtype).Sample(
        x =>
        {
            var file = Npy.Write(x);
            var y = Npy.Read(file);
            Assert.Equal(Npy.ByteCount(x), file.Length);
            Assert.Equal(0, (file.Length - x.ByteCount) % 64);
            Assert.Equal((x.Shape, x.DType), (y.Shape, y.DType));
            Assert.Equal(x.Contiguous().Bytes, y.Bytes);
        },
        seed: Seed);

    [Fact]
    public void Write_OfBFloat16_SaysWhereItCanGo()
    {
        var error = Assert.Throws<ArgumentException>(() => Npy.Write(NdArray.Zeros([2], DType.BFloat16)));
        Assert.Equal("[npy] dtype is bfloat16, which NumPy has not; write it as safetensors, or convert with AsType", error.Message);
    }

    [Fact]
    public void Write_EveryDestination_GetsTheSameBytes()
    {
        var array = Views.Range([3, 500], DType.Int64).Transpose();
        var file = Npy.Write(array);

        var span = new byte[file.Length + 5];
        Assert.Equal(file.Length, Npy.Write(array, span));
        Assert.Equal(file, span[..^5]);

        var writer = new ArrayBufferWriter<byte>();
        Npy.Write(array, writer);
        Assert.Equal(file, writer.WrittenSpan);

        var stream = new MemoryStream();
        Npy.Write(array, stream);
        Assert.Equal(file, stream.ToArray());

        Assert.Equal(file, Npy.Write(Npy.Read(new ForwardStream(file))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(100)]
    [InlineData(100_000)]
    public void Read_BytesInPieces_IsTheSameArray(int piece)
    {
        var array = Views.Range([3, 50], DType.Float32);
        var file = Npy.Write(array);
        Assert.Equal(file, Npy.Write(Npy.Read(Pieces(file, piece))));
        Assert.Throws<FormatException>(() => Npy.Read(Pieces(file[..^1], piece)));
        Assert.Throws<FormatException>(() => Npy.Read(Pieces([.. file, 0], piece)));
        Assert.Throws<FormatException>(() => Npy.Read(Pieces(file[..70], piece)));
        Assert.Throws<FormatException>(() => Npy.Read(Pieces(file[..9], piece)));
    }

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int size)
    {
        var first = new Piece(bytes.AsMemory(0, Math.Min(size, bytes.Length)), 0);
        var last = first;
        for (var start = size; start < bytes.Length; start += size) last = last.Follow(bytes.AsMemory(start, Math.Min(size, bytes.Length - start)));
        return new(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Piece Follow(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }

    // NumPy keeps 21 digits free for the first size and pads by 1 to 64: 53 bytes around the tuple, 10 before, 1 after.
    // Tuple of 24 characters with 1 digit in front: 10 + 53 + 24 + 20 + 1 = 108, so 128. One of 44: 128 exactly, so 192.
    [Theory]
    [InlineData("(1, 1, 1, 1, 1, 1, 1, 1)", 24, 128)]
    [InlineData("(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 10)", 43, 128)]
    [InlineData("(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 100)", 44, 192)]
    public void Write_LongShape_LeavesNumpysRoomToGrow(string shape, int length, int header)
    {
        Assert.Equal(length, shape.Length);
        var sizes = shape.Trim('(', ')').Split(',').Select(int.Parse).ToArray();
        var array = NdArray.Zeros(Shape.Create(sizes));
        Assert.Equal(header + array.ByteCount, Npy.ByteCount(array));
    }

    [Fact]
    public void Write_ShortDestination_Throws() =>
        Assert.StartsWith("[npy] destination holds 10 bytes", Assert.Throws<ArgumentException>(() => Npy.Write(NdArray.Zeros([2]), new byte[10])).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_CutAnywhere_IsAFormatException()
    {
        var file = Npy.Write(NdArray.From(1f, 2f, 3f));
        for (var length = 0; length < file.Length; length++)
        {
            var part = file[..length];
            Assert.Throws<FormatException>(() => Npy.Read(part));
            Assert.Throws<FormatException>(() => Npy.Read(new MemoryStream(part)));
            Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream(part, 7)));
        }
    }

    [Fact]
    public void Read_LongStreamOfUnknownLength_ArrivesWhole()
    {
        var array = Views.Range([1100, 1003], DType.Int32);
        var file = Npy.Write(array);
        Assert.Equal(array.Bytes, Npy.Read(new ForwardStream(file, 100_000)).Bytes);
        Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream([.. file, 0], 100_000)));
        Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream(file[..^1], 100_000)));
    }

    [Fact]
    public void Read_FlippedBytes_GivesAnArrayOrAFormatException()
    {
        var random = new Random(20240607);
        string[] descrs = ["'<f4'", "'>u8'", "'|b1'", "'<f2'", "'|i1'"];
        var (arrays, failures) = (0, 0);
        for (var round = 0; round < 20_000; round++)
        {
            var file = NpyFiles.With(descrs[round % descrs.Length], round % 2 == 0 ? "True" : "False", "(2, 3)", 6 * "48121"[round % 5] - 6 * '0');
            for (var flips = random.Next(1, 4); flips > 0; flips--) file[random.Next(file.Length)] = (byte)random.Next(256);
            try
            {
                Assert.True(Npy.Read(file).IsContiguous);
                arrays++;
            }
            catch (FormatException e)
            {
                Assert.StartsWith("[npy] ", e.Message, StringComparison.Ordinal);
                failures++;
            }
        }
        Assert.True(arrays > 1000 && failures > 1000, $"{arrays} arrays, {failures} failures");
    }
}
