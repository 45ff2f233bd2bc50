namespace ManagedFed.Federation;

/// <summary>Counts the bytes of all replies that arrive, or wait to be taken in, at the same time.</summary>
/// <remarks>Whoever took first is never refused, so that a full server always finishes one reply after the other.</remarks>
/// <param name="most">The most bytes; null for half of what the process may use.</param>
internal sealed class ReplyMemory(long? most = null)
{
    private readonly long most = most ?? Math.Max(1L << 30, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
    private readonly Lock gate = new();
    private readonly LinkedList<Share> shares = [];
    private TaskCompletionSource freed = NewSignal();
    private long taken;

    /// <summary>The bytes that are taken now.</summary>
    public long Taken
    {
        get
        {
            lock (gate) return taken;
        }
    }

    /// <summary>A reply's share, empty at first.</summary>
    public Share Open() => new(this);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What one reply has taken, until it is disposed of.</summary>
    internal sealed class Share(ReplyMemory memory) : IDisposable
    {
        private long bytes;
        private bool closed;

        /// <summary>Takes more bytes; false when there are none for this reply now.</summary>
        public bool TryTake(long more)
        {
            lock (memory.gate)
            {
                if (closed) return false;
                if (memory.taken + more > memory.most && memory.shares.First is { Value: var oldest } && oldest != this) return false;
                if (bytes == 0) memory.shares.AddLast(this);
                bytes += more;
                memory.taken += more;
                return true;
            }
        }

        /// <summary>Takes more bytes, as soon as there are some.</summary>
        public async Task TakeAsync(long more, CancellationToken cancellation)
        {
            for (var waited = false; ; waited = true)
            {
                Task wait;
                lock (memory.gate) wait = memory.freed.Task;
                if (TryTake(more))
                {
                    // Memory is short: that of the replies before this one is free once they are found dropped.
                    if (waited) BlockPool.Shared.Reclaim();
                    return;
                }
                await wait.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }

        /// <summary>Gives all back.</summary>
        public void Dispose()
        {
            lock (memory.gate)
            {
                if (closed) return;
                closed = true;
                if (bytes == 0) return;
                memory.shares.Remove(this);
                memory.taken -= bytes;
                memory.freed.SetResult();
                memory.freed = NewSignal();
            }
        }
    }
}
