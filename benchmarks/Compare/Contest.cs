using System.Diagnostics;
using TorchSharp;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Runs both sides of a work in turn, so that a change of the machine's speed meets both.</summary>
/// <param name="torch">False where TorchSharp's library does not load.</param>
/// <param name="runs">How often each side is timed.</param>
internal sealed class Contest(bool torch, int runs)
{
    public Measurement Measure(Work work, int threads)
    {
        CpuDevice.Threads = threads;
        if (torch) SetTorchThreads(threads);
        if (work.Probe is { } probe) _ = Agree(probe);

        var (ours, theirs) = Agree(work);
        var oursRuns = new double[runs];
        var theirsRuns = new double[theirs is null ? 0 : runs];
        for (var i = 0; i < runs; i++)
        {
            oursRuns[i] = Time(ours) / work.Steps;
            if (theirs is not null) theirsRuns[i] = Time(theirs) / work.Steps;
        }
        return new(work.Name, threads, work.Steps, oursRuns, theirsRuns);
    }

    /// <summary>Runs both sides once, which also warms them up, and compares what they computed.</summary>
    private (ISide Ours, ISide? Theirs) Agree(Work work)
    {
        var ours = work.Ours();
        ours.Run();
        if (!torch) return (ours, null);
        var theirs = work.Theirs();
        theirs.Run();
        var (a, b) = (ours.Result(), theirs.Result());
        if (a.Length != b.Length) throw new InvalidOperationException($"{work.Name}: {a.Length} results, TorchSharp has {b.Length}");
        for (var i = 0; i < a.Length; i++)
        {
            // Written so that NaN fails too.
            if (Math.Abs(a[i] - b[i]) <= work.Tolerance * Math.Max(1, Math.Abs(b[i]))) continue;
            throw new InvalidOperationException($"{work.Name}: result {i} is {a[i]}, TorchSharp has {b[i]}; tolerance {work.Tolerance}");
        }
        return (ours, theirs);
    }

    private static double Time(ISide side)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Both engines' workers spin for a while after their last task; let them go to sleep.
        Thread.Sleep(20);
        var start = Stopwatch.GetTimestamp();
        side.Run();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    private static void SetTorchThreads(int threads) => TorchSharp.torch.set_num_threads(threads);
}
