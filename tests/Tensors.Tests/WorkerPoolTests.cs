using ManagedFed.Devices;
using Xunit;

namespace ManagedFed.Tests;

public sealed unsafe class WorkerPoolTests
{
    private const int Runs = 2000;

    private struct Counting(int* hits) : IParallelBody
    {
        public readonly void Run(int index, int worker) => Interlocked.Increment(ref hits[index]);
    }

    private struct Failing(int bad) : IParallelBody
    {
        public readonly void Run(int index, int worker)
        {
            if (index == bad) throw new InvalidOperationException($"piece {index}");
        }
    }

    private struct Nested(int* hits, int inner, int poolIndex) : IParallelBody
    {
        public readonly void Run(int index, int worker)
        {
            var body = new Counting(hits + index * inner);
            Pools[poolIndex].Run(inner, ref body);
        }
    }

    /// <summary>Both pieces wait for each other, so they end only when two threads run them.</summary>
    private struct Meeting(int* arrived) : IParallelBody
    {
        public readonly void Run(int index, int worker)
        {
            Interlocked.Increment(ref *arrived);
            var here = arrived;
            if (!SpinWait.SpinUntil(() => Volatile.Read(ref *here) == 2, TimeSpan.FromMinutes(1))) throw new TimeoutException();
        }
    }

    /// <summary>Each worker's first piece waits for the other worker's.</summary>
    private struct Taking(int* first, int* arrived) : IParallelBody
    {
        public readonly void Run(int index, int worker)
        {
            if (first[worker] >= 0) return;
            first[worker] = index;
            Interlocked.Increment(ref *arrived);
            var here = arrived;
            if (!SpinWait.SpinUntil(() => Volatile.Read(ref *here) == 2, TimeSpan.FromMinutes(1))) throw new TimeoutException();
        }
    }

    private struct Adding : IParallelBody
    {
        public int Total;

        public void Run(int index, int worker) => Interlocked.Add(ref Total, index);
    }

    /// <summary>Notes every piece that finds its worker's place taken or beyond the region's.</summary>
    private struct Occupying(int* places, int workers) : IParallelBody
    {
        public int Wrong;

        public void Run(int index, int worker)
        {
            if (worker < 0 || worker >= workers || Interlocked.Exchange(ref places[worker], 1) != 0) Interlocked.Increment(ref Wrong);
            Thread.SpinWait(20);
            if (worker >= 0 && worker < workers) Volatile.Write(ref places[worker], 0);
        }
    }

    private static readonly WorkerPool[] Pools = [new(1), new(2), new(4)];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_AnyCount_RunsEveryIndexOnce(int poolIndex)
    {
        var hits = stackalloc int[1001];
        foreach (var count in (int[])[0, 1, 2, 3, 7, 64, 1000])
        {
            new Span<int>(hits, 1001).Clear();
            var body = new Counting(hits);
            for (var run = 1; run <= 20; run++)
            {
                Pools[poolIndex].Run(count, ref body);
                for (var i = 0; i < count; i++) Assert.Equal(run, hits[i]);
                Assert.Equal(0, hits[count]);
            }
        }
    }

    [Fact]
    public void Run_BodyWithState_IsSharedWithTheCaller()
    {
        var body = default(Adding);
        Pools[1].Run(100, ref body);
        Assert.Equal(99 * 100 / 2, body.Total);
    }

    [Fact]
    public void Run_TwoThreads_RunsPiecesAtTheSameTime()
    {
        var pool = new WorkerPool(2);
        var arrived = 0;
        var body = new Meeting(&arrived);
        pool.Run(2, ref body);
        Assert.Equal(2, arrived);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(7, 3)]
    [InlineData(64, 32)]
    public void Run_TwoThreads_EachBeginsInItsOwnHalf(int count, int half)
    {
        var pool = new WorkerPool(2);
        int* first = stackalloc int[2] { -1, -1 };
        var arrived = 0;
        var body = new Taking(first, &arrived);
        pool.Run(count, ref body);
        Assert.Equal(0, first[0]);
        Assert.Equal(half, first[1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_FromSeveralThreads_RunsEveryIndexOfEachRegionOnce(int poolIndex)
    {
        var wrong = 0;
        var callers = new Thread[3];
        for (var t = 0; t < callers.Length; t++)
        {
            callers[t] = new Thread(seed =>
            {
                var hits = stackalloc int[16];
                new Span<int>(hits, 16).Clear();
                var expected = new int[16];
                var body = new Counting(hits);
                var random = new Random((int)seed!);
                for (var run = 0; run < Runs; run++)
                {
                    var count = random.Next(17);
                    Pools[poolIndex].Run(count, ref body);
                    for (var i = 0; i < count; i++) expected[i]++;
                    if (!new Span<int>(hits, 16).SequenceEqual(expected)) Interlocked.Increment(ref wrong);
                }
            });
            callers[t].Start(t);
        }
        foreach (var caller in callers) Assert.True(caller.Join(TimeSpan.FromMinutes(2)));
        Assert.Equal(0, wrong);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_InsideABody_RunsEveryInnerIndexOnce(int poolIndex)
    {
        const int Outer = 8, Inner = 5;
        var hits = stackalloc int[Outer * Inner];
        new Span<int>(hits, Outer * Inner).Clear();
        var body = new Nested(hits, Inner, poolIndex);
        Pools[poolIndex].Run(Outer, ref body);
        for (var i = 0; i < Outer * Inner; i++) Assert.Equal(1, hits[i]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_BodyThrows_ThrowsToTheCallerAndStaysUsable(int poolIndex)
    {
        for (var bad = 0; bad < 9; bad++)
        {
            var failing = new Failing(bad);
            var thrown = Assert.Throws<InvalidOperationException>(() => Pools[poolIndex].Run(9, ref failing));
            Assert.Equal($"piece {bad}", thrown.Message);

            var after = default(Adding);
            Pools[poolIndex].Run(9, ref after);
            Assert.Equal(36, after.Total);
        }
    }

    [Fact]
    public void Threads_ChangedBetweenRegions_EveryRegionIsComplete()
    {
        var pool = new WorkerPool(1);
        for (var run = 0; run < Runs; run++)
        {
            pool.Threads = 1 + run % 4;
            var body = default(Adding);
            pool.Run(10, ref body);
            Assert.Equal(45, body.Total);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Run_GivenWorkers_NoTwoPiecesAtOnceShareOneWhateverThreadsBecomes(int workers)
    {
        var pool = new WorkerPool(4);
        var places = stackalloc int[workers];
        new Span<int>(places, workers).Clear();
        var body = new Occupying(places, workers);
        for (var run = 0; run < Runs; run++)
        {
            pool.Threads = 1 + run % 4;
            pool.Run(8, workers, ref body);
        }
        Assert.Equal(0, body.Wrong);
    }

    [Fact]
    public void Run_Warm_AllocatesNothing()
    {
        var body = default(Adding);
        for (var run = 0; run < 100; run++) Pools[1].Run(8, ref body);
        Assert.Equal(0, Allocations.Fewest(Runs, () => Pools[1].Run(8, ref body)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(CpuDevice.MaxThreads + 1)]
    public void Threads_OutOfRange_Throws(int threads)
    {
        var error = Assert.Throws<ArgumentException>(() => new WorkerPool(1).Threads = threads);
        Assert.Equal($"[threads] {threads} threads, expected 1..256", error.Message);
    }

    [Fact]
    public void CpuDeviceThreads_AtStart_IsTheNumberOfProcessors() =>
        Assert.InRange(CpuDevice.Threads, 1, CpuDevice.MaxThreads);
}
