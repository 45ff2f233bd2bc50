using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Who is chosen and what they are told.</summary>
public sealed class StrategyTests
{
    [Theory]
    [InlineData(10, 1.0, 2, 10)]
    [InlineData(10, 0.5, 2, 5)]
    [InlineData(10, 0.59, 2, 5)] // int(5.9)
    [InlineData(10, 0.1, 2, 2)] // the minimum wins
    [InlineData(10, 0.0, 3, 3)]
    public void ConfigureFit_SamplesFractionOrMinimum(int available, double fraction, int minimum, int expected)
    {
        var tasks = new FedAvg { FractionFit = fraction, MinFitClients = minimum }.ConfigureFit(State(available, seed: 3));
        Assert.Equal(expected, tasks.Count);
        Assert.Equal(expected, tasks.Select(task => task.Client).Distinct().Count());
        Assert.All(tasks, task => Assert.Same(tasks[0].Instructions, task.Instructions));
    }

    [Fact]
    public void Sample_SameSeed_ChoosesTheSameClients()
    {
        Assert.Equal(State(20, 5).Sample(7).Select(client => client.Peer), State(20, 5).Sample(7).Select(client => client.Peer));
        Assert.NotEqual(State(20, 5).Sample(7).Select(client => client.Peer), State(20, 6).Sample(7).Select(client => client.Peer));
    }

    [Fact]
    public void Sample_OverManySeeds_ChoosesEveryClientAboutEquallyOften()
    {
        // 2000 draws of 3 of 10: each is expected 600 times with σ = √(2000·0.3·0.7) ≈ 20.5; the seeds are fixed.
        var counts = new int[10];
        for (var seed = 0; seed < 2000; seed++)
        {
            foreach (var client in State(10, seed).Sample(3)) counts[int.Parse(client.Peer)]++;
        }
        Assert.All(counts, count => Assert.InRange(count, 500, 700));
    }

    [Fact]
    public void Configure_WithConfigFunctions_PassesTheRound()
    {
        var strategy = new FedAvg
        {
            OnFitConfig = round => new Dictionary<string, Scalar> { ["round"] = round },
            OnEvaluateConfig = round => new Dictionary<string, Scalar> { ["round"] = -round },
        };
        var state = State(2, 0) with { Round = 7 };
        Assert.Equal(7, strategy.ConfigureFit(state)[0].Instructions.Config["round"].AsInt64());
        Assert.Equal(-7, strategy.ConfigureEvaluate(state)[0].Instructions.Config["round"].AsInt64());
    }

    [Fact]
    public void AggregateEvaluate_TwoClients_WeighsByExamples()
    {
        // (1·4 + 3·8) / 4 = 7
        var client = new ClientInfo("a", "b");
        Assert.Equal(7, new FedAvg().AggregateEvaluate(
            State(2, 0), [new(client, 4, 1, TestKit.NoValues), new(client, 8, 3, TestKit.NoValues)], []));
    }

    private static RoundState State(int clients, int seed) =>
        new(1, new Parameters(TestKit.Floats(1)), [.. Enumerable.Range(0, clients).Select(i => new ClientInfo($"{i:x32}", $"{i}"))], RandomKey.FromSeed((ulong)seed));
}
