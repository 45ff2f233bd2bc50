using System.Runtime.CompilerServices;

namespace ManagedFed.Faults;

/// <summary>To await it is to wait until nothing is left to run.</summary>
/// <remarks>
/// All code under test runs as work of the thread pool, which here has one worker. This is a piece of work, too, and goes behind all
/// others: when it runs and nothing is queued, everything waits for the world. So whoever awaits it goes on alone, and what it then starts
/// runs in one order.
/// </remarks>
internal sealed class Quiet : INotifyCompletion, IThreadPoolWorkItem
{
    private Action? then;

    public bool IsCompleted => false;

    /// <exception cref="InvalidOperationException">The pool has more than one worker.</exception>
    public static void RequireOneWorker()
    {
        ThreadPool.GetMaxThreads(out var workers, out _);
        if (workers != 1) throw new InvalidOperationException($"[faults] the thread pool has up to {workers} workers, expected 1: ManagedFed.Faults.runtimeconfig.json says so");
    }

    public Quiet GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation)
    {
        then = continuation;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Execute()
    {
        if (ThreadPool.PendingWorkItemCount > 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }
        var next = then!;
        then = null;
        next();
    }
}
