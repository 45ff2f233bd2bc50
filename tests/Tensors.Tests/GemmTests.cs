using System.Numerics;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>The entry point: types, bias, batches, threads and memory.</summary>
public sealed class GemmTests
{
    private static NdArray Run<T>(NdArray a, NdArray b, NdArray? bias, Shape shape) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var dst = GemmReference.Poison<T>(shape);
        Gemm.Run(a, b, bias, dst);
        return dst;
    }

    [Fact]
    public void Run_TwoByTwo_IsTheTextbookProduct()
    {
        // [1 2; 3 4]·[5 6; 7 8] = [1·5+2·7 1·6+2·8; 3·5+4·7 3·6+4·8] = [19 22; 43 50]
        var (a, b) = (NdArray.From<float>([1, 2, 3, 4], [2, 2]), NdArray.From<float>([5, 6, 7, 8], [2, 2]));
        Assert.Equal([19, 22, 43, 50], Run<float>(a, b, null, [2, 2]).ToArray<float>());
    }

    [Theory]
    [InlineData(256, 784, 32)]
    [InlineData(256, 32, 10)]
    [InlineData(1, 784, 32)]
    [InlineData(40, 30, 1)]
    [InlineData(7, 0, 5)]
    public void Run_BiasOfAnyStride_IsAddedToEveryRow(int m, int k, int n)
    {
        var random = new Random(5);
        var a = GemmReference.Matrix<float>(random, m, k);
        var b = GemmReference.Matrix<float>(random, k, n, GemmReference.Order.Columns);
        var wide = GemmReference.Filled<float>(random, [3 * n]);
        foreach (var bias in (NdArray[])[wide.Slice(0, 0, n), wide.Slice(0, 1, n, 3 - 1), wide.Slice(0, n - 1, n, -1)])
        {
            Assert.Null(GemmReference.Difference<float>(a, b, bias, false, Run<float>(a, b, bias, [m, n])));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Run_Batches_MultipliesEachPair(int threads)
    {
        using var scope = new ThreadsScope(threads);
        var random = new Random(9);
        var a = GemmReference.Filled<double>(random, [2, 3, 20, 31]);
        var b = GemmReference.Filled<double>(random, [2, 3, 31, 17]);
        Assert.Null(GemmReference.Difference<double>(a, b, null, false, Run<double>(a, b, null, [2, 3, 20, 17])));

        // The same b for all, for some, the same a for all, and axes in another order.
        var one = GemmReference.Filled<double>(random, [31, 17]).BroadcastTo([2, 3, 31, 17]);
        Assert.Null(GemmReference.Difference<double>(a, one, null, false, Run<double>(a, one, null, [2, 3, 20, 17])));
        var some = GemmReference.Filled<double>(random, [2, 1, 31, 17]).BroadcastTo([2, 3, 31, 17]);
        Assert.Null(GemmReference.Difference<double>(a, some, null, false, Run<double>(a, some, null, [2, 3, 20, 17])));
        var left = GemmReference.Filled<double>(random, [20, 31]).BroadcastTo([2, 3, 20, 31]);
        Assert.Null(GemmReference.Difference<double>(left, b, null, false, Run<double>(left, b, null, [2, 3, 20, 17])));
        var swapped = GemmReference.Filled<double>(random, [3, 2, 20, 31]).Transpose(1, 0, 2, 3);
        Assert.Null(GemmReference.Difference<double>(swapped, one, null, false, Run<double>(swapped, one, null, [2, 3, 20, 17])));
    }

    [Fact]
    public void Run_EmptyBatchOrMatrix_WritesNothing()
    {
        var a = NdArray.Zeros([0, 3, 4]);
        var b = NdArray.Zeros([4, 5]).BroadcastTo([0, 4, 5]);
        Assert.Empty(Run<float>(a, b, null, [0, 3, 5]).ToArray<float>());
        Assert.Empty(Run<float>(NdArray.Zeros([0, 4]), NdArray.Zeros([4, 5]), null, [0, 5]).ToArray<float>());
        Assert.Empty(Run<float>(NdArray.Zeros([3, 4]), NdArray.Zeros([4, 0]), null, [3, 0]).ToArray<float>());
    }

    [Fact]
    public void Run_NoTerms_IsZeroOrTheBias()
    {
        var (a, b) = (NdArray.Zeros([2, 0]), NdArray.Zeros([0, 3]));
        Assert.Equal(new float[6], Run<float>(a, b, null, [2, 3]).ToArray<float>());
        Assert.Equal([1, 2, 3, 1, 2, 3], Run<float>(a, b, NdArray.From<float>(1, 2, 3), [2, 3]).ToArray<float>());
    }

    [Fact]
    public void Run_NaNInAnOperand_ReachesItsRowAndColumnOnly()
    {
        // Padding must not turn a NaN at the edge of one tile into a NaN in another.
        var random = new Random(3);
        var a = GemmReference.Filled<float>(random, [13, 9]);
        var b = GemmReference.Filled<float>(random, [9, 21]);
        a.AsSpan<float>()[12 * 9 + 8] = float.NaN;
        b.AsSpan<float>()[8 * 21 + 20] = float.PositiveInfinity;
        var c = Run<float>(a, b, null, [13, 21]).ToArray<float>();
        for (var i = 0; i < 13; i++)
        {
            for (var j = 0; j < 21; j++) Assert.Equal(i != 12 && j != 20, float.IsFinite(c[i * 21 + j]));
        }
    }

    [Theory]
    [InlineData(256, 784, 32)]
    [InlineData(32, 256, 784)]
    [InlineData(301, 900, 203)]
    [InlineData(1, 3000, 1000)]
    [InlineData(3000, 1000, 1)]
    public void Run_AnyNumberOfThreads_IsTheSameToTheBit(int m, int k, int n)
    {
        var random = new Random(11);
        foreach (var order in Enum.GetValues<GemmReference.Order>())
        {
            var a = GemmReference.Matrix<float>(random, m, k, order);
            var b = GemmReference.Matrix<float>(random, k, n, order);
            var bias = GemmReference.Filled<float>(random, [n]);
            NdArray one, several;
            using (new ThreadsScope(1)) one = Run<float>(a, b, bias, [m, n]);
            foreach (var threads in (int[])[2, 3, 7])
            {
                using (new ThreadsScope(threads)) several = Run<float>(a, b, bias, [m, n]);
                Assert.True(one.Bytes.SequenceEqual(several.Bytes));
            }
        }
    }

    [Fact]
    public void Run_IntegerArrays_Throws()
    {
        var a = NdArray.Zeros([2, 2], DType.Int32);
        Assert.Equal("[matmul] dtype is int32, expected float32 or float64", Assert.Throws<ArgumentException>(() => Gemm.Run(a, a, null, a)).Message);
    }

    private readonly struct ThreadsScope : IDisposable
    {
        private readonly int before = CpuDevice.Threads;

        public ThreadsScope(int threads) => CpuDevice.Threads = threads;

        public void Dispose() => CpuDevice.Threads = before;
    }
}
