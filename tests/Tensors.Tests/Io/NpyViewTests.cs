using System.Runtime.CompilerServices;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

/// <summary>Arrays that look at a file's own bytes, and files whose bytes are an array's.</summary>
public sealed class NpyViewTests
{
    private const int Elements = 20_000;

    [Theory]
    [InlineData("'<f4'", "False", 4, DType.Float32)]
    [InlineData("'<f8'", "False", 8, DType.Float64)]
    [InlineData("'<i8'", "False", 8, DType.Int64)]
    [InlineData("'|u1'", "False", 4, DType.UInt8)]
    [InlineData("'<f2'", "False", 4, DType.Float16)]
    public void View_DataAsTheyLie_SharesTheFile(string descr, string order, int size, DType dtype)
    {
        var file = File(descr, order, size);

        var array = Npy.View(file);

        Assert.Equal(dtype, array.DType);
        Assert.True(Shares(array, file));
        Assert.True(array.Bytes.SequenceEqual(Npy.Read(file).Bytes));
    }

    [Fact]
    public void View_FewBytes_AreCopied()
    {
        var file = Npy.Write(NdArray.From<float>(1, 2));
        var array = Npy.View(file);
        Assert.False(Shares(array, file));
        Assert.Equal([1f, 2], array.ToArray<float>());
    }

    [Theory]
    [InlineData("'>f4'", "False", 0)]
    [InlineData("'<f4'", "True", 0)]
    [InlineData("'<f4'", "False", 1)]
    public void View_DataInAnotherForm_GivesWhatReadGives(string descr, string order, int offset)
    {
        var whole = File(descr, order, 4);
        byte[] shifted = [.. new byte[offset], .. whole];

        var array = Npy.View(shifted.AsMemory(offset));

        Assert.False(Shares(array, shifted));
        var read = Npy.Read(whole);
        Assert.Equal(read.Shape, array.Shape);
        Assert.Equal(read.ToArray<float>().Select(BitConverter.SingleToInt32Bits), array.ToArray<float>().Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(whole, shifted[offset..]);
    }

    [Fact]
    public void View_OneByteTooFew_IsRefusedAsByRead()
    {
        var file = File("'<f4'", "False", 4)[..^1];
        Assert.Equal(Assert.Throws<FormatException>(() => Npy.Read(file)).Message, Assert.Throws<FormatException>(() => Npy.View(file)).Message);
    }

    [Fact]
    public void View_DroppedByTheUser_LetsTheFileGo()
    {
        var file = Look();
        Collect();
        Assert.False(file.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Look()
        {
            var (file, array) = Make();
            Collect();
            Assert.True(file.IsAlive);
            Assert.Equal(7f, array.ToArray<float>()[0]);
            return file;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static (WeakReference File, NdArray Array) Make()
        {
            var file = Npy.Write(NdArray.From<float>([.. Enumerable.Repeat(7f, Elements)]));
            return (new(file), Npy.View(file));
        }

        static void Collect()
        {
            // The first collection runs the finalizer that unpins, the second one takes the file.
            for (var i = 0; i < 2; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            GC.Collect();
        }
    }

    [Fact]
    public void Memory_OfAFilledArray_IsWhatWriteWrites()
    {
        var file = new NpyFile([3, 2], DType.Float32);
        new[] { 1f, 2, 3, 4, 5, 6 }.CopyTo(file.Array.AsSpan<float>());

        Assert.Equal(Npy.Write(NdArray.From<float>([1, 2, 3, 4, 5, 6], [3, 2])), file.Memory.ToArray());
        Assert.Equal(5f, file.Array.Transpose().ToArray<float>()[2]);
        using var pin = file.Memory.Pin();
        Assert.Equal(file.Memory.Span[^1], Last(pin, file.Memory.Length));

        static unsafe byte Last(System.Buffers.MemoryHandle pin, int length) => ((byte*)pin.Pointer)[length - 1];
    }

    /// <summary>A file of elements that count up from 0, byte by byte.</summary>
    private static byte[] File(string descr, string order, int size)
    {
        var width = descr[2..^1] switch { "u1" => 1, "f2" => 2, _ => size };
        // Ten bytes and these 118 are 128: the data begin at a multiple of eight, as in files of NumPy.
        var dictionary = $"{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({Elements * size / width / 100}, 100), }}".PadRight(117) + "\n";
        return NpyFiles.Make(dictionary, [.. Enumerable.Range(0, Elements * size).Select(i => (byte)(i % 120))]);
    }

    private static bool Shares(NdArray array, byte[] file) => array.Bytes.Overlaps(file);
}
