using ManagedFed.Devices;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>A scope in which kernels run on their caller alone, for one flow of control.</summary>
public sealed class CallerAloneTests
{
    [Fact]
    public void SingleThreaded_NestedAndDisposedTwice_HoldsUntilTheOutermostEnds()
    {
        Assert.False(CallerAlone.IsOpen);
        using (var outer = CpuDevice.SingleThreaded())
        {
            Assert.Equal(1, WorkerPool.Shared.Available);
            var inner = CpuDevice.SingleThreaded();
            inner.Dispose();
            inner.Dispose();
            Assert.True(CallerAlone.IsOpen);
        }
        Assert.False(CallerAlone.IsOpen);
    }

    [Fact]
    public async Task SingleThreaded_InOneFlow_FollowsItsTasksAndNoOther()
    {
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var inside = Task.Run(async () =>
        {
            using var alone = CpuDevice.SingleThreaded();
            opened.SetResult();
            await looked.Task;
            return await Task.Run(() => CallerAlone.IsOpen) && CallerAlone.IsOpen;
        }, TestContext.Current.CancellationToken);
        await opened.Task;
        Assert.False(CallerAlone.IsOpen);
        looked.SetResult();
        Assert.True(await inside);
    }

    [Fact]
    public void SingleThreaded_LargeRegion_RunsOnTheCaller()
    {
        var thread = Environment.CurrentManagedThreadId;
        var body = new Seeing(thread);
        using (CpuDevice.SingleThreaded()) new WorkerPool(4).Run(1000, ref body);
        Assert.Equal(0, body.Others);
        Assert.Equal(1000, body.Pieces);
    }

    private struct Seeing(int thread) : IParallelBody
    {
        public int Pieces, Others;

        public void Run(int index, int worker)
        {
            Interlocked.Increment(ref Pieces);
            if (Environment.CurrentManagedThreadId != thread) Interlocked.Increment(ref Others);
        }
    }
}
