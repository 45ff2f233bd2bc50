using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

/// <summary>Arrays beyond the 2 GiB of a span and files beyond the 4 GiB of plain zip archives, all of them zeros that take no memory.</summary>
public sealed class LargeArrayTests
{
    private static NdArray Zeros(Shape shape) => NdArray.Zeros([1], DType.UInt8).BroadcastTo(shape);

    [Fact]
    public void Npy_OfMoreThan2GiB_IsWrittenAndRead()
    {
        if (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes < 6L << 30) Assert.Skip("needs 3 GB of memory");
        var stream = new SparseStream();
        Npy.Write(Zeros([3, 750_000_000]), stream);
        Assert.Equal(128 + 2_250_000_000, stream.Length);
        stream.Position = 128 + 2_200_000_000;
        stream.WriteByte(7);
        stream.Position = 0;

        var array = Npy.Read(stream);

        Assert.Equal([3, 750_000_000], array.Shape);
        Assert.Equal([0, 7, 0], array.Slice(0, 2, 1).Slice(1, 699_999_999, 3).Contiguous().ToArray<byte>());
    }

    [Fact]
    public void Npz_OfMoreThan4GiB_IsReadBack()
    {
        var stream = new SparseStream();
        Npz.Write(stream, [("first", Views.Range([2])), ("large", Zeros([3, 1_500_000_000])), ("last", Views.Range([3]))]);
        Assert.InRange(stream.Length, 4_500_000_000, 4_500_010_000);

        var arrays = Npz.Read(stream, select: name => name != "large");

        Assert.Equal(["first", "last"], arrays.Keys);
        Assert.Equal([0f, 1, 2], arrays["last"].ToArray<float>());
        Assert.Equal([0f, 1], arrays["first"].ToArray<float>());
    }

    [Fact]
    public void Safetensors_OfMoreThan2GiB_GivesItsRows()
    {
        var stream = new SparseStream();
        Safetensors.Write(stream, [("large", Zeros([2_200, 1_000_000])), ("small", NdArray.From<byte>(1, 2, 3))]);

        Assert.Equal([1, 2, 3], Safetensors.Read(stream, name => name == "small").Arrays["small"].ToArray<byte>());
        stream.Position = stream.Length - 4;
        stream.WriteByte(9);
        Assert.Equal(9, Safetensors.ReadRows(stream, "large", 2_199, 1).ToArray<byte>()[^1]);
    }

    [Fact]
    public void NpyInMemory_OfMoreThanAnArrayOfBytes_NamesTheSize()
    {
        var error = Assert.Throws<ArgumentException>(() => Npy.Write(Zeros([3, 750_000_000])));
        Assert.Equal("[npy] array of shape (3, 750000000) uint8 makes a file of 2,250,000,128 bytes, an array of bytes holds at most 2,147,483,591; write it to a stream or a file", error.Message);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    [InlineData(48)]
    [InlineData(10_000)]
    public void Pieces_OfAnyView_AreItsRowMajorBytes(int most)
    {
        var array = Views.Range([2, 3, 4, 5], DType.Int64);
        NdArray[] views =
        [
            array, array.Transpose(), array.Transpose(1, 0, 3, 2), array.Slice(1, 1, 2), array.Slice(3, 4, 3, -2), array.Slice(0, 1, 1).BroadcastTo([3, 1, 3, 4, 5]),
            array.Slice(2, 0, 0), array.Slice(0, 0, 1).Slice(1, 1, 1).Slice(2, 0, 1), NdArray.From([7L], []), NdArray.From([7L], []).BroadcastTo([1, 1, 9]),
        ];
        foreach (var view in views)
        {
            var bytes = new List<byte>();
            ArrayPieces.Read(view, piece =>
            {
                Assert.InRange(piece.Length, 1, most);
                bytes.AddRange(piece);
            }, most);
            Assert.Equal(view.Contiguous().Bytes.ToArray(), bytes.ToArray());
        }
    }
}
