using System.Diagnostics;
using System.Runtime.CompilerServices;
using ManagedFed.Benchmarks.Limits;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Runs both sides of a work in turn, so that a change of the machine's speed meets both.</summary>
/// <param name="torch">False where TorchSharp's library does not load.</param>
/// <param name="samples">How often each side is timed.</param>
/// <param name="limits">The machine's limits.</param>
internal sealed class Contest(bool torch, int samples, MachineLimits limits)
{
    private const double SampleMicroseconds = 40_000;
    private const double WarmMicroseconds = 250_000;
    private const int AllocationCalls = 100;

    public Measurement Measure(Work work, int threads)
    {
        CpuDevice.Threads = threads;
        if (torch) SetTorchThreads(threads);
        var limit = limits.Microseconds(work.Cost, threads);
        using var ours = work.Ours();
        using var theirs = torch ? work.Theirs() : null;
        var difference = theirs is null ? null : Difference(ours.Result(), theirs.Result(), work.Tolerance);

        var calls = Calls(ours);
        var theirCalls = theirs is null ? 0 : Calls(theirs);
        var oursTimes = new double[samples];
        var theirTimes = new double[theirs is null ? 0 : samples];
        for (var i = 0; i < samples; i++)
        {
            oursTimes[i] = Sample(ours, calls);
            if (theirs is not null) theirTimes[i] = Sample(theirs, theirCalls);
        }
        var timing = new Timing(oursTimes);
        var bytes = BytesPerCall(ours, timing.Median);
        return new(work.Name, threads, timing, theirs is null ? null : new(theirTimes), limit / timing.Median, bytes, difference);
    }

    /// <summary>Null if the results agree.</summary>
    private static string? Difference(float[] ours, float[] theirs, double tolerance)
    {
        if (ours.Length != theirs.Length) return $"{ours.Length} results, TorchSharp has {theirs.Length}";
        for (var i = 0; i < ours.Length; i++)
        {
            // Written so that NaN fails too.
            if (Math.Abs((double)ours[i] - theirs[i]) <= tolerance * Math.Max(1, Math.Abs(theirs[i]))) continue;
            return Figures.Text($"result {i} is {ours[i]}, TorchSharp has {theirs[i]}; tolerance {tolerance}");
        }
        return null;
    }

    /// <summary>Warms a side up until the runtime has compiled it for good, and says how many calls make a sample.</summary>
    private static int Calls(ISide side)
    {
        var (calls, total, last) = (1, 0.0, 0.0);
        while (true)
        {
            var time = Time(side, calls);
            total += time * calls;
            var isSteady = Math.Abs(time - last) < 0.03 * time;
            if (total > 2 * WarmMicroseconds || total > WarmMicroseconds && isSteady) return (int)Math.Max(1, SampleMicroseconds / time);
            last = time;
            calls = (int)Math.Clamp(SampleMicroseconds / 2 / time, 1, 4 * calls);
        }
    }

    private static double Sample(ISide side, int calls)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Both engines' workers spin for a while after their last task; let them go to sleep.
        Thread.Sleep(20);
        return Time(side, calls);
    }

    private static double Time(ISide side, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++) side.Run();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls;
    }

    private static double BytesPerCall(ISide side, double microseconds)
    {
        var calls = (int)Math.Clamp(5 * SampleMicroseconds / microseconds, 1, AllocationCalls);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < calls; i++) side.Run();
        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / calls;
    }

    // Apart, so that TorchSharp's types are touched only where they can be.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SetTorchThreads(int threads) => TorchSharp.torch.set_num_threads(threads);
}
