using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace ManagedFed.Devices;

/// <summary>The work of a parallel region, cut into numbered pieces that may run in any order and on any thread.</summary>
internal interface IParallelBody
{
    /// <param name="index">The piece's number.</param>
    /// <param name="worker">0 … workers-1 of the region: no two pieces that run at the same time are given the same.</param>
    void Run(int index, int worker);
}

/// <summary>
/// Runs the pieces of a region on the caller and on background threads, without allocating.
/// </summary>
/// <remarks>
/// <para>
/// One 64-bit ticket holds the region's number (high half) and how many pieces are left to hand out (low half). A thread takes
/// a piece by compare-and-swap on it: success proves that the region was open all the while, so the fields read in between
/// belong to it. A region ends when its pieces are done; a worker that comes late finds none left and is never waited for.
/// </para>
/// <para>
/// Which piece the ticket stands for is chosen then: each worker goes through a run of neighbours of its own, the same in
/// every region of so many pieces, and afterwards through what others have left. So what a core has in its caches from one
/// region serves it in the next: sums of arrays of 4 MiB take three quarters of the time that taking turns would.
/// </para>
/// <para>
/// After a region workers spin for 40 us, then offer their core to other threads until 300 us have passed, then sleep: a pool
/// in use costs idle cores that long at a time. A region opened while another runs (nested, or from a second thread) runs on its own caller.
/// </para>
/// </remarks>
internal sealed unsafe class WorkerPool
{
    public const int MaxThreads = 256;

    // Waking a sleeper costs the caller 5 to 80 us, so workers stay up through the gaps of a training step.
    private static readonly long SpinTicks = Stopwatch.Frequency * 40 / 1_000_000;
    private static readonly long YieldTicks = Stopwatch.Frequency * 300 / 1_000_000;

    /// <summary>The words that several threads write, each alone on its cache lines.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct SharedWords
    {
        [FieldOffset(128)]
        public long Ticket;

        [FieldOffset(256)]
        public int Unfinished;
    }

    /// <summary>How far a worker's own run of pieces is handed out, alone on its cache lines.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct Cursor
    {
        public int Next;
    }

    private readonly Cursor[] cursors = new Cursor[MaxThreads];
    private readonly Worker?[] workers = new Worker?[MaxThreads - 1];
    private int threads, busy;
    private SharedWords words;

    // The open region; written only while no piece is left to take.
    private delegate*<void*, int, int, void> invoke;
    private void* body;
    private int count, helpers;
    private Exception? failure;

    public WorkerPool(int threads) => Threads = threads;

    public static WorkerPool Shared { get; } = new(Math.Min(Environment.ProcessorCount, MaxThreads));

    /// <summary>The number of threads a region may use, the caller's own included.</summary>
    public int Threads
    {
        get => Volatile.Read(ref threads);
        set
        {
            if (value is < 1 or > MaxThreads) Throw.Argument("threads", $"{value} threads, expected 1..{MaxThreads}");
            Volatile.Write(ref threads, value);
        }
    }

    /// <summary>The number of threads that a region of this flow of control may use: <see cref="Threads"/>, or 1 inside a <see cref="CallerAlone"/>.</summary>
    public int Available => CallerAlone.IsOpen ? 1 : Threads;

    /// <summary>Runs the pieces on as many threads as are <see cref="Available"/>.</summary>
    public void Run<TBody>(int count, ref TBody body) where TBody : unmanaged, IParallelBody => Run(count, count > 1 ? Available : 1, ref body);

    /// <summary>
    /// Runs <c>body.Run(i, worker)</c> once for every i in 0 … count-1 and returns when all are done, their writes visible.
    /// </summary>
    /// <remarks>
    /// The body is shared by reference, not copied. When pieces throw, the first exception caught reaches the caller,
    /// after the pieces that had begun have ended; whether the others ran is not defined.
    /// </remarks>
    /// <param name="count">The number of pieces.</param>
    /// <param name="workers">The most threads that take part, whatever <see cref="Threads"/> has become; the caller is worker 0.</param>
    /// <param name="body">What a piece does.</param>
    public void Run<TBody>(int count, int workers, ref TBody body) where TBody : unmanaged, IParallelBody
    {
        if (count > 1 && workers > 1 && Interlocked.CompareExchange(ref busy, 1, 0) == 0)
        {
            try
            {
                fixed (TBody* pinned = &body)
                {
                    RunShared(count, workers, pinned, &Invoke<TBody>);
                }
            }
            finally
            {
                Volatile.Write(ref busy, 0);
            }
            return;
        }
        for (var i = 0; i < count; i++) body.Run(i, 0);
    }

    private static void Invoke<TBody>(void* body, int index, int worker) where TBody : unmanaged, IParallelBody =>
        ((TBody*)body)->Run(index, worker);

    private void RunShared(int count, int workers, void* body, delegate*<void*, int, int, void> invoke)
    {
        var helpers = Math.Min(workers, count) - 1;
        for (var id = 0; id < helpers; id++) this.workers[id] ??= new Worker(this, id);

        this.invoke = invoke;
        this.body = body;
        this.count = count;
        this.helpers = helpers;
        for (var worker = 0; worker <= helpers; worker++) cursors[worker].Next = FirstPiece(worker);
        words.Unfinished = count;
        var region = (words.Ticket >> 32) + 1;
        Interlocked.Exchange(ref words.Ticket, region << 32 | (uint)count);

        for (var id = 0; id < helpers; id++) this.workers[id]!.Wake();
        TakePieces(-1);
        var spinner = default(SpinWait);
        while (Volatile.Read(ref words.Unfinished) != 0) spinner.SpinOnce(sleep1Threshold: -1);

        if (failure is { } thrown)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(thrown);
        }
    }

    /// <summary>Takes and runs pieces until none is left; the caller is number -1.</summary>
    private void TakePieces(int id)
    {
        var done = 0;
        while (true)
        {
            var ticket = Volatile.Read(ref words.Ticket);
            var left = (int)ticket;
            if (left == 0 || id >= helpers) break;
            var invoke = this.invoke;
            var body = this.body;
            if (Interlocked.CompareExchange(ref words.Ticket, ticket - 1, ticket) != ticket) continue;
            try
            {
                invoke(body, Pick(id + 1), id + 1);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, exception, null);
            }
            done++;
        }
        if (done != 0) Interlocked.Add(ref words.Unfinished, -done);
    }

    private int FirstPiece(int worker) => (int)((long)count * worker / (helpers + 1));

    /// <summary>The piece for a ticket that a worker has taken: there are as many of the ones as of the others.</summary>
    private int Pick(int worker)
    {
        for (var run = worker; ; run = run == helpers ? 0 : run + 1)
        {
            ref var next = ref cursors[run].Next;
            var end = FirstPiece(run + 1);
            if (Volatile.Read(ref next) >= end) continue;
            var piece = Interlocked.Increment(ref next) - 1;
            if (piece < end) return piece;
        }
    }

    private bool HasPieces(int id) => (int)Volatile.Read(ref words.Ticket) != 0 && id < helpers;

    private sealed class Worker
    {
        private readonly WorkerPool pool;
        private readonly int id;
        private readonly object gate = new();
        private int asleep;

        public Worker(WorkerPool pool, int id)
        {
            (this.pool, this.id) = (pool, id);
            new Thread(Loop) { IsBackground = true, Name = $"ManagedFed worker {id}" }.UnsafeStart();
        }

        /// <summary>To be called after the ticket is published: either this sees the sleeper or the sleeper sees the ticket.</summary>
        public void Wake()
        {
            if (Volatile.Read(ref asleep) == 0) return;
            lock (gate)
            {
                asleep = 0;
                Monitor.Pulse(gate);
            }
        }

        private void Loop()
        {
            while (true)
            {
                var start = Stopwatch.GetTimestamp();
                while (!pool.HasPieces(id))
                {
                    var waited = Stopwatch.GetTimestamp() - start;
                    if (waited < SpinTicks)
                    {
                        Thread.SpinWait(1);
                    }
                    else if (waited < YieldTicks)
                    {
                        Thread.Yield();
                    }
                    else
                    {
                        Sleep();
                        start = Stopwatch.GetTimestamp();
                    }
                }
                pool.TakePieces(id);
            }
        }

        private void Sleep()
        {
            lock (gate)
            {
                Interlocked.Exchange(ref asleep, 1);
                if (pool.HasPieces(id)) asleep = 0;
                while (asleep != 0) Monitor.Wait(gate);
            }
        }
    }
}
