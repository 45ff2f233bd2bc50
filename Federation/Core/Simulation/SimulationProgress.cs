using System.Globalization;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Says how far a simulation is, a line for a round, but never more often than once a second and at the end.</summary>
/// <remarks>
/// Loss and accuracy are the last ones of the best source there was: the server's measurement, or else the clients' evaluation, or else their training. A line names the
/// round they are of where that is another one.
/// </remarks>
internal sealed class SimulationProgress(ILogger log, TimeProvider time, int rounds)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly long start = time.GetTimestamp();
    private long last = time.GetTimestamp();
    private int? before;
    private Measurement? measured;

    /// <summary>Notes the end of a round.</summary>
    public void RoundEnded(RoundReport report)
    {
        var round = report.Round;
        // A run that is gone on with begins later than with round 1.
        before ??= round - 1;
        if (Of(report) is { } found && found.Source >= (measured?.Source ?? 0)) measured = found;
        if (round < rounds && time.GetElapsedTime(last) < Pause) return;
        last = time.GetTimestamp();
        var passed = time.GetElapsedTime(start).TotalSeconds;
        log.Progress(round, rounds, Shown(round), passed, passed / (round - before.Value) * (rounds - round));
    }

    private static Measurement? Of(RoundReport report)
    {
        Measurement[] sources =
        [
            new(2, report.Round, report.LossCentralized, Accuracy(report.MetricsCentralized)),
            new(1, report.Round, report.LossDistributed, Accuracy(report.MetricsDistributed)),
            new(0, report.Round, Metrics.LossIn(report.MetricsDistributedFit), Accuracy(report.MetricsDistributedFit)),
        ];
        return Array.Find(sources, source => source.Loss is not null || source.Accuracy is not null);
    }

    private static double? Accuracy(IReadOnlyDictionary<string, Scalar> metrics) =>
        metrics.TryGetValue("accuracy", out var value) && value.IsNumber ? value.AsDouble() : null;

    private string Shown(int round)
    {
        if (measured is not { } found) return "";
        var parts = new List<string>();
        if (found.Loss is { } loss) parts.Add(string.Create(CultureInfo.InvariantCulture, $"loss {loss:G6}"));
        if (found.Accuracy is { } accuracy) parts.Add(string.Create(CultureInfo.InvariantCulture, $"accuracy {accuracy:0.0000}"));
        var of = found.Round == round ? "" : string.Create(CultureInfo.InvariantCulture, $" (round {found.Round})");
        return $"{string.Join(", ", parts)}{of}, ";
    }

    /// <summary>What was measured in a round, and how good its source is.</summary>
    private sealed record Measurement(int Source, int Round, double? Loss, double? Accuracy);
}

/// <summary>A log that keeps warnings and errors alone: with thousands of clients a round has too many other lines.</summary>
internal sealed class WarningsAlone(ILogger inner) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && inner.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) inner.Log(logLevel, eventId, state, exception, formatter);
    }
}
