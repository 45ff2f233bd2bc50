using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>Which loss and accuracy a simulation's lines show.</summary>
public sealed class SimulationProgressTests
{
    private static readonly IReadOnlyDictionary<string, Scalar> Training = new Dictionary<string, Scalar> { ["loss"] = 2.5, ["accuracy"] = 0.25 };

    [Fact]
    public void RoundEnded_OfTrainingAlone_ShowsItsMetrics() =>
        Assert.Equal(
            ["Round 1/3: loss 2.5, accuracy 0.2500, 2.0 s, about 4.0 s left", "Round 2/3: loss 2.5, accuracy 0.2500 (round 1), 4.0 s, about 2.0 s left"],
            Lines(3, new(1) { MetricsDistributedFit = Training }, new(2)));

    [Fact]
    public void RoundEnded_OfSeveralSources_KeepsToTheBestAndNamesItsRound() =>
        Assert.Equal(
            [
                "Round 4/9: loss 2.5, accuracy 0.2500, 2.0 s, about 10.0 s left",
                "Round 5/9: loss 1.5, 4.0 s, about 8.0 s left",
                "Round 6/9: loss 1, accuracy 0.7500, 6.0 s, about 6.0 s left",
                "Round 7/9: loss 1, accuracy 0.7500 (round 6), 8.0 s, about 4.0 s left",
                "Round 8/9: loss 0.5, accuracy 0.8750, 10.0 s, about 2.0 s left",
            ],
            Lines(
                9, new(4) { MetricsDistributedFit = Training }, new(5) { LossDistributed = 1.5, MetricsDistributedFit = Training },
                new(6) { LossCentralized = 1, MetricsCentralized = Accuracy(0.75), LossDistributed = 1.5 }, new(7) { LossDistributed = 1.25, MetricsDistributedFit = Training },
                new(8) { LossCentralized = 0.5, MetricsCentralized = Accuracy(0.875) }));

    [Fact]
    public void RoundEnded_WithNothingMeasured_ShowsTheTimeAlone() => Assert.Equal(["Round 1/1: 2.0 s, about 0.0 s left"], Lines(1, new RoundReport(1)));

    private static Dictionary<string, Scalar> Accuracy(double value) => new() { ["accuracy"] = value };

    private static IReadOnlyList<string> Lines(int rounds, params RoundReport[] reports)
    {
        var (log, time) = (new LogRecorder(), new FakeTimeProvider());
        var progress = new SimulationProgress(log, time, rounds);
        foreach (var report in reports)
        {
            time.Advance(TimeSpan.FromSeconds(2));
            progress.RoundEnded(report);
        }
        return log.WithId(317);
    }
}
