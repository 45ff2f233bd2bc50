using System.Globalization;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Says how far a simulation is, a line for a round, but never more often than once a second and at the end.</summary>
internal sealed class SimulationProgress(ILogger log, TimeProvider time, int rounds)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly long start = time.GetTimestamp();
    private long last = time.GetTimestamp();
    private int? before;

    /// <summary>Notes the end of a round.</summary>
    public void RoundEnded(RoundReport report)
    {
        var round = report.Round;
        // A run that is gone on with begins later than with round 1.
        before ??= round - 1;
        if (round < rounds && time.GetElapsedTime(last) < Pause) return;
        last = time.GetTimestamp();
        var passed = time.GetElapsedTime(start).TotalSeconds;
        log.Progress(round, rounds, Measured(report), passed, passed / (round - before.Value) * (rounds - round));
    }

    private static string Measured(RoundReport report)
    {
        var loss = report.LossCentralized ?? report.LossDistributed;
        var accuracy = new[] { report.MetricsCentralized, report.MetricsDistributed, report.MetricsDistributedFit }
            .Select(metrics => metrics.TryGetValue("accuracy", out var value) && value.IsNumber ? value.AsDouble() : default(double?)).FirstOrDefault(value => value is not null);
        return string.Concat(
            loss is null ? "" : string.Create(CultureInfo.InvariantCulture, $"loss {loss:G6}, "),
            accuracy is null ? "" : string.Create(CultureInfo.InvariantCulture, $"accuracy {accuracy:0.0000}, "));
    }
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
