namespace ManagedFed.Federation;

/// <summary>Reasons to end a run before its last round, for <see cref="FederationOptions.StopWhen"/>.</summary>
/// <remarks>Values are those of the clients, or the server's where clients measure none; a round that measured nothing changes nothing.</remarks>
/// <example><c>new SimulationOptions { StopWhen = StopWhen.Any(StopWhen.MetricReaches("accuracy", 0.9), StopWhen.NoBetterLossFor(5)) }</c></example>
public static class StopWhen
{
    /// <summary>A metric has reached a value.</summary>
    /// <param name="name">The metric.</param>
    /// <param name="value">The value, which it is to have or to exceed.</param>
    public static Func<History, bool> MetricReaches(string name, double value) => history =>
        Last(history.MetricsDistributed, name) is { } distributed ? distributed >= value : Last(history.MetricsCentralized, name) >= value;

    /// <summary>The loss is at most a value.</summary>
    public static Func<History, bool> LossReaches(double value) => history => Losses(history) is [.., { Value: var loss }] && loss <= value;

    /// <summary>The lowest loss is so many rounds old.</summary>
    /// <param name="rounds">The patience, at least 1.</param>
    /// <exception cref="ArgumentException">The patience is below 1.</exception>
    public static Func<History, bool> NoBetterLossFor(int rounds)
    {
        Interval.Counts.Check("stop_when", nameof(rounds), rounds);
        return history => Losses(history) is { Count: > 0 } losses && losses[^1].Round - losses.MinBy(loss => loss.Value).Round >= rounds;
    }

    /// <summary>The rounds have taken so long, those before a resumption included.</summary>
    /// <param name="time">The time, above 0.</param>
    /// <exception cref="ArgumentException">The time is not above 0.</exception>
    public static Func<History, bool> Elapsed(TimeSpan time)
    {
        Interval.Positive.Check("stop_when", nameof(time), time);
        return history => history.Reports.Sum(report => report.Elapsed.Ticks) >= time.Ticks;
    }

    /// <summary>One of several reasons.</summary>
    public static Func<History, bool> Any(params IReadOnlyList<Func<History, bool>> reasons) => history => reasons.Any(reason => reason(history));

    private static IReadOnlyList<RoundValue<double>> Losses(History history) => history.LossesDistributed.Count > 0 ? history.LossesDistributed : history.LossesCentralized;

    private static double? Last(IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> metrics, string name) =>
        metrics.TryGetValue(name, out var values) && values[^1].Value.IsNumber ? values[^1].Value.AsDouble() : null;
}

/// <summary>A run that was cancelled; what it had reached is not lost.</summary>
/// <param name="history">What was measured, and the model, until then.</param>
/// <param name="cancellation">What cancelled it.</param>
public sealed class RunCanceledException(History history, CancellationToken cancellation)
    : OperationCanceledException($"[server] the run was cancelled after {history.Reports.Count(report => report.Round > 0)} round(s)", cancellation)
{
    /// <summary>What was measured, and the model, until then.</summary>
    public History History { get; } = history;
}
