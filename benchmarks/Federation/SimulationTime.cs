using System.Diagnostics;
using ManagedFed.Federation;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>What rounds of a simulation took: wall time of one, processor time of one client's update, and the process' peak of memory.</summary>
internal sealed record SimulationTime(double SecondsARound, double ProcessorMicroseconds, long PeakMegabytes)
{
    /// <summary>Times rounds of training by FedAvg, without evaluation, after one that is not timed.</summary>
    /// <param name="clients">Virtual clients.</param>
    /// <param name="sampled">Clients of a round.</param>
    /// <param name="rounds">Rounds that are timed.</param>
    /// <param name="factory">Makes a client.</param>
    /// <param name="initial">The model to begin with.</param>
    /// <param name="cancellation">Ends the run.</param>
    public static async Task<SimulationTime> OfAsync(
        int clients, int sampled, int rounds, Func<int, ArrayClient> factory, Parameters initial, CancellationToken cancellation)
    {
        var times = new List<(long Time, TimeSpan Processor)>();
        var strategy = new FedAvg
        {
            FractionFit = 0,
            MinFitClients = sampled,
            FractionEvaluate = 0,
            InitialParameters = initial,
            FitMetricsAggregation = Metrics.WeightedAverage,
            EvaluateFunction = (_, _) =>
            {
                times.Add((Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime));
                return null;
            },
        };
        await FederatedSimulation.RunAsync(clients, factory, new ServerConfig(rounds + 1), strategy, new() { Seed = 0 }, cancellation);

        using var process = Process.GetCurrentProcess();
        return new(
            Stopwatch.GetElapsedTime(times[1].Time, times[^1].Time).TotalSeconds / rounds,
            (times[^1].Processor - times[1].Processor).TotalMicroseconds / ((double)sampled * rounds), process.PeakWorkingSet64 >> 20);
    }
}
