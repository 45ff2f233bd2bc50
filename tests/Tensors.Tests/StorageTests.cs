using System.Runtime.CompilerServices;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>The pool is one per process, so these tests run alone.</summary>
[CollectionDefinition("Memory", DisableParallelization = true)]
public sealed class MemoryCollection;

[Collection("Memory")]
public sealed class StorageTests
{
    [Theory]
    [InlineData(0, 0, 64)]
    [InlineData(1, 0, 64)]
    [InlineData(64, 0, 64)]
    [InlineData(65, 1, 128)]
    [InlineData(256, 3, 256)]
    [InlineData(257, 4, 320)]
    [InlineData(512, 7, 512)]
    [InlineData(513, 8, 640)]
    public void Classify_Bytes_GivesQuarterSteps(long bytes, int sizeClass, long capacity) =>
        Assert.Equal((sizeClass, capacity), BlockPool.Classify(bytes));

    [Fact]
    public void Classify_GrowingSizes_FitsWithinAQuarterAndGrowsByOneClass()
    {
        var (lastClass, lastCapacity) = BlockPool.Classify(1);
        for (var bytes = 1L; bytes < 1L << 40; bytes = bytes * 9 / 8 + 1)
        {
            var (sizeClass, capacity) = BlockPool.Classify(bytes);
            Assert.InRange(capacity, bytes, Math.Max(bytes * 5 / 4 + 64, 64));
            Assert.InRange(sizeClass, 0, 255);
            Assert.True(sizeClass == lastClass ? capacity == lastCapacity : sizeClass > lastClass && capacity > lastCapacity);
            Assert.Equal((sizeClass, capacity), BlockPool.Classify(capacity));
            Assert.Equal(sizeClass + 1, BlockPool.Classify(capacity + 1).SizeClass);
            (lastClass, lastCapacity) = (sizeClass, capacity);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(5000)]
    [InlineData(1 << 20)]
    public unsafe void Pointer_AnySize_IsAlignedToALineOrAPage(int bytes)
    {
        var storage = new Storage(bytes);
        var (_, capacity) = BlockPool.Classify(bytes);
        var alignment = capacity >= Environment.SystemPageSize ? Environment.SystemPageSize : 64;
        Assert.Equal(0, (long)storage.Pointer % alignment);
        storage.Borrow(0, bytes).Fill(1);
        Assert.Equal(1, storage.Pointer[bytes - 1]);
        storage.Release();
    }

    [Fact]
    public unsafe void Release_LastClaim_GivesTheBlockToTheNext()
    {
        var first = new Storage(70_000);
        var address = (nint)first.Pointer;
        first.Claim();
        Assert.False(first.IsExclusive);
        first.Release();
        Assert.True(first.IsExclusive);
        var other = new Storage(70_000);
        Assert.NotEqual(address, (nint)other.Pointer);
        first.Release();
        var next = new Storage(70_001);
        Assert.Equal(address, (nint)next.Pointer);
        next.Release();
        other.Release();
    }

    [Fact]
    public void Counters_RentAndRelease_FollowTheBlocks()
    {
        Settle();
        TensorMemory.ClearCache();
        TensorMemory.ResetPeak();
        var before = TensorMemory.ActiveBytes;
        Assert.Equal(0, TensorMemory.CachedBytes);
        Assert.Equal(before, TensorMemory.PeakBytes);

        var storage = new Storage(1 << 20);
        Assert.Equal(before + (1 << 20), TensorMemory.ActiveBytes);
        storage.Release();
        Assert.Equal(before, TensorMemory.ActiveBytes);
        Assert.Equal(1 << 20, TensorMemory.CachedBytes);
        Assert.Equal(before + (1 << 20), TensorMemory.PeakBytes);

        TensorMemory.ClearCache();
        Assert.Equal(0, TensorMemory.CachedBytes);
    }

    [Fact]
    public void CacheLimit_Lowered_FreesAndKeepsNoMore()
    {
        var limit = TensorMemory.CacheLimit;
        try
        {
            new Storage(1 << 20).Release();
            TensorMemory.CacheLimit = 1 << 19;
            Assert.InRange(TensorMemory.CachedBytes, 0, 1 << 19);
            new Storage(1 << 20).Release();
            Assert.InRange(TensorMemory.CachedBytes, 0, 1 << 19);
        }
        finally
        {
            TensorMemory.CacheLimit = limit;
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => TensorMemory.CacheLimit = -1);
    }

    [Fact]
    public void Limit_Passed_ThrowsWithTheNumbers()
    {
        Settle();
        TensorMemory.ClearCache();
        try
        {
            TensorMemory.Limit = TensorMemory.ActiveBytes + (1 << 20);
            var error = Assert.Throws<InsufficientMemoryException>(() => NdArray.Zeros([1 << 20]));
            Assert.StartsWith("[memory] 4,194,304 bytes more would pass the limit", error.Message);
            Assert.Equal(4, NdArray.Zeros([1]).ByteCount);
        }
        finally
        {
            TensorMemory.Limit = long.MaxValue;
        }
    }

    [Fact]
    public void Limit_CachedBlockWouldPassIt_Throws()
    {
        Settle();
        new Storage(1 << 20).Release();
        try
        {
            TensorMemory.Limit = TensorMemory.ActiveBytes + (1 << 19);
            Assert.Throws<InsufficientMemoryException>(() => new Storage(1 << 20));
        }
        finally
        {
            TensorMemory.Limit = long.MaxValue;
        }
    }

    [Fact]
    public void DroppedArrays_AfterCollection_ComeBackToTheCache()
    {
        Settle();
        TensorMemory.ClearCache();
        var before = TensorMemory.ActiveBytes;
        Drop();
        Assert.Equal(before + 10 * (3 << 20), TensorMemory.ActiveBytes);
        Settle();
        Assert.Equal(before, TensorMemory.ActiveBytes);
        Assert.Equal(10 * (3 << 20), TensorMemory.CachedBytes);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Drop()
        {
            var arrays = new List<NdArray>();
            for (var i = 0; i < 10; i++) arrays.Add(NdArray.Zeros([3, 1 << 18]).Transpose());
            GC.KeepAlive(arrays);
        }
    }

    // Each small block costs several times its bytes in objects; a burst of dropped arrays must not hold them for good.
    [Fact]
    public void DroppedSmallArrays_NotNeededBetweenTwoFullCollections_LeaveTheCache()
    {
        Settle();
        TensorMemory.ClearCache();
        Settle();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Drop();
        for (var i = 0; i < 4; i++) Settle();

        Assert.InRange(TensorMemory.CachedBytes, 0, 1000 * 64);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 1 << 20);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Drop()
        {
            var arrays = new List<NdArray>();
            for (var i = 0; i < 20_000; i++) arrays.Add(NdArray.Zeros([3]).Transpose());
            GC.KeepAlive(arrays);
        }
    }

    [Fact]
    public void ForgetUnused_OfAPool_DropsSmallBlocksNotNeededSinceTheLastTime()
    {
        var pool = new BlockPool();
        Use(64, 3);
        Use(8192, 2);
        pool.ForgetUnused();
        Assert.Equal(3 * 64 + 2 * 8192, pool.CachedBytes);

        // Two of the three are needed again; one is not.
        Use(64, 2);
        pool.ForgetUnused();
        Assert.Equal(2 * 64 + 2 * 8192, pool.CachedBytes);
        Use(64, 2);
        pool.ForgetUnused();
        Assert.Equal(2 * 64 + 2 * 8192, pool.CachedBytes);

        // Now none is. Large blocks are what the limit of the cache is for.
        pool.ForgetUnused();
        Assert.Equal(2 * 8192, pool.CachedBytes);

        void Use(long bytes, int count)
        {
            var blocks = Enumerable.Range(0, count).Select(_ => pool.Rent(bytes)).ToArray();
            foreach (var block in blocks) pool.Return(block);
        }
    }

    [Fact]
    public void DroppedArray_WhoseSpanLives_IsNeverReused()
    {
        Settle();
        TensorMemory.ClearCache();
        var span = Exposed();
        Settle();
        var others = new NdArray[8];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = NdArray.Zeros([1 << 18]);
            others[i].Fill(i);
        }
        Assert.Equal(1 << 18, span.Length);
        Assert.Equal(-1, span.IndexOfAnyExcept(42f));
        GC.KeepAlive(others);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Span<float> Exposed()
        {
            var array = NdArray.Zeros([1 << 18]);
            array.Fill(42);
            return array.AsSpan<float>();
        }
    }

    [Fact]
    public void DroppedArrays_ManyInALoop_KeepTheActiveBytesBounded()
    {
        Settle();
        TensorMemory.ResetPeak();
        var before = TensorMemory.ActiveBytes;
        for (var i = 0; i < 2000; i++) NdArray.Zeros([1 << 18]);
        Assert.InRange(TensorMemory.PeakBytes - before, 0, 512L << 20);
    }

    [Fact]
    public void Kernels_ThatNeedScratch_GiveItBack()
    {
        var view = NdArray.Rent([40, 50, 60], DType.Float32).Transpose(2, 0, 1);
        var (indices, outside) = (NdArray.From(5, 2, 11), NdArray.From(40));
        var (rows, places, taken) = (NdArray.Rent([40], DType.Float32), NdArray.Rent([60, 50], DType.UInt32), NdArray.Rent([60, 3, 50], DType.Float32));
        FillKernel.Run(view.Transpose(1, 2, 0), 1);
        Settle();
        var before = TensorMemory.ActiveBytes;
        Reduce.Run<Sum>(view, [0, 2], rows);
        ArgReduce.Run<Max>(view, 1, places);
        Gather.Take(view, indices, 1, taken);
        Assert.Throws<ArgumentOutOfRangeException>(() => Gather.Take(view, outside, 1, taken));
        Assert.Equal(before, TensorMemory.ActiveBytes);
        GC.KeepAlive(view);
    }

    [Fact]
    public void Rent_OldArraysWereDropped_GetsTheirMemoryOnceHalfAsMuchIsAliveBeside()
    {
        const int Part = 8 << 20;
        Settle();
        TensorMemory.ClearCache();
        var before = TensorMemory.ActiveBytes;
        DropOld();
        var young = new List<NdArray>();
        // 96 MB were alive after the last full collection: at 96 + 48 + 32 MB there is another, which finds them dropped.
        for (var i = 0; i < 16; i++) young.Add(NdArray.Zeros([Part], DType.UInt8));
        Assert.InRange(TensorMemory.ActiveBytes - before, 16 * Part, 17 * Part);
        GC.KeepAlive(young);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void DropOld()
        {
            var old = Enumerable.Range(0, 12).Select(_ => NdArray.Zeros([Part], DType.UInt8)).ToArray();
            Settle();
            BlockPool.Shared.Reclaim();
            GC.KeepAlive(old);
        }
    }

    private static void Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
