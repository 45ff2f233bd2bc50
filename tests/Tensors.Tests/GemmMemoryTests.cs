using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>A warm product takes its scratch from the pool, where no other test may have borrowed it meanwhile.</summary>
[Collection("Memory")]
public sealed class GemmMemoryTests
{
    [Theory]
    [InlineData(256, 784, 32)]
    [InlineData(256, 32, 10)]
    [InlineData(300, 300, 300)]
    [InlineData(1, 784, 32)]
    [InlineData(700, 600, 1)]
    public void Run_Warm_AllocatesNothing(int m, int k, int n)
    {
        var random = new Random(2);
        var (a, b) = (GemmReference.Filled<float>(random, [m, k]), GemmReference.Filled<float>(random, [n, k]).Transpose());
        var bias = GemmReference.Filled<float>(random, [n]);
        var dst = NdArray.Zeros([m, n]);
        Threads.With(4, () =>
        {
            for (var i = 0; i < 5; i++) Gemm.Run(a, b, bias, dst);
            Assert.Equal(0, Allocations.Fewest(5, () => Gemm.Run(a, b, bias, dst)));
            return true;
        });
    }

    [Fact]
    public void Run_PoolEmpty_RentsOnceForAllThreads()
    {
        // What the caller alone rents is one block; a worker that came late would need another.
        var random = new Random(4);
        var (a, b) = (GemmReference.Filled<float>(random, [100, 100]), GemmReference.Filled<float>(random, [100, 100]).Transpose());
        var dst = NdArray.Zeros([100, 100]);
        Threads.With(4, () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            TensorMemory.ClearCache();
            Gemm.Run(a, b, null, dst);
            var cached = TensorMemory.CachedBytes;
            for (var i = 0; i < 200; i++) Gemm.Run(a, b, null, dst);
            Assert.Equal(cached, TensorMemory.CachedBytes);
            return true;
        });
    }
}
