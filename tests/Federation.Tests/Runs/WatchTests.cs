using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ManagedFed.Federation.Tests.Runs;

/// <summary>Rounds that are watched, steered and cancelled, and strategies around strategies.</summary>
public sealed class WatchTests
{
    private static readonly ServerConfig Five = new(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static LambdaClient[] Clients => [LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 1)];

    private static SimulationOptions Options => new() { LoggerFactory = NullLoggerFactory.Instance, Seed = 1 };

    [Fact]
    public async Task OnRound_IsToldOfEachRoundInTurnAndWaitedFor()
    {
        var told = new List<(int Round, float Model, int Trained)>();
        var history = await FederatedSimulation.RunAsync(Clients, Five, new FedAvg(), Options with
        {
            OnRound = async (report, sofar, _) =>
            {
                var before = told.Count;
                await Task.Yield();
                Assert.Equal(before, told.Count);
                told.Add((report.Round, sofar.Value(), report.Trained.Count));
            },
        }, Token).Bounded();

        Assert.Equal([(1, 2f, 2), (2, 4f, 2), (3, 6f, 2), (4, 8f, 2), (5, 10f, 2)], told);
        Assert.Equal(10f, history.Value());
    }

    [Fact]
    public async Task StopWhen_ATargetIsReached_EndsTheRunAfterThatRound()
    {
        // The clients' accuracy after round r is 2·2r + (1 + 3) / 2 = 4r + 2.
        var history = await FederatedSimulation.RunAsync(
            Clients, Five, new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage }, Options with { StopWhen = StopWhen.MetricReaches("accuracy", 10) }, Token).Bounded();

        Assert.Equal([1, 2], history.Reports.Select(report => report.Round));
        Assert.Equal(4f, history.Value());
    }

    [Fact]
    public async Task StopWhen_TheLossGrows_EndsAfterThePatience()
    {
        // The loss is the model's value, 2, 4, 6 …: the lowest one is that of round 1.
        var history = await FederatedSimulation.RunAsync(Clients, Five, new FedAvg(), Options with { StopWhen = StopWhen.NoBetterLossFor(2) }, Token).Bounded();

        Assert.Equal(3, history.Reports[^1].Round);
    }

    [Fact]
    public async Task RoundsAsync_LeftEarly_EndsTheRun()
    {
        var rounds = new List<int>();
        var trained = 0;
        var clients = Enumerable.Range(0, 2).Select(_ => new LambdaClient
        {
            Parameters = () => [TestKit.Floats(0)],
            Fit = (parameters, _, _) =>
            {
                Interlocked.Increment(ref trained);
                return Task.FromResult(new FitOutput(parameters, 1));
            },
        });
        await foreach (var report in FederatedSimulation.RoundsAsync(clients, new(1000), new FedAvg { FractionEvaluate = 0 }, Options, Token))
        {
            rounds.Add(report.Round);
            if (report.Round == 3) break;
        }

        Assert.Equal([1, 2, 3], rounds);
        // One report waits to be taken, the round after it may be at work.
        Assert.InRange(trained, 6, 12);
    }

    [Fact]
    public async Task RunAsync_Cancelled_GivesWhatItHadReached()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = FederatedSimulation.RunAsync(Clients, Five, new FedAvg(), Options with
        {
            OnRound = (report, _, _) =>
            {
                if (report.Round == 2) stop.Cancel();
                return ValueTask.CompletedTask;
            },
        }, stop.Token);

        var canceled = await Assert.ThrowsAsync<RunCanceledException>(() => run.Bounded());
        Assert.Equal(4f, canceled.History.Value());
        Assert.Equal([1, 2], canceled.History.Reports.Select(report => report.Round));
        Assert.Equal(stop.Token, canceled.CancellationToken);
    }

    [Fact]
    public async Task DelegatingStrategy_StackedAroundAnother_ChangesNothingAndNestsItsState()
    {
        var plain = await FederatedSimulation.RunAsync(Clients, Five, new FedAdam { MinAvailableClients = 2 }, Options, Token).Bounded();
        using var disk = new MemoryDisk();
        var wrapped = await FederatedSimulation.RunAsync(
            Clients, Five, new Counting(new Counting(new FedAdam { MinAvailableClients = 2 })), Options with { RunStore = new(() => disk, 2) }, Token).Bounded();

        Assert.Equal(plain.Value(), wrapped.Value());
        using var run = StoredRun.Open(disk, 2, NullLogger.Instance);
        // Outermost are the limits that every run has.
        Assert.Equal(["inner.inner.inner.m.0", "inner.inner.inner.v.0"], run.State!.Strategy.Arrays.Keys);
        Assert.Equal([5L, 5L], [run.State.Strategy.Values["inner.rounds"].AsInt64(), run.State.Strategy.Values["inner.inner.rounds"].AsInt64()]);
    }

    [Fact]
    public void DelegatingStrategy_OfOneWithoutRounds_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Counting(new FedBuff()));
        Assert.StartsWith("[Counting] FedBuff works without rounds, expected a strategy with rounds", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Counts the rounds that made a model, in its own part of the state.</summary>
    private sealed class Counting(Strategy inner) : DelegatingStrategy(inner)
    {
        public override FitAggregation AggregateFit(RoundState state) => new Counted(base.AggregateFit(state), state);

        private sealed class Counted(FitAggregation inner, RoundState state) : FitAggregation
        {
            public override void Add(int place, FitResult result) => inner.Add(place, result);

            public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures)
            {
                if (inner.Complete(failures) is not { } next) return null;
                var before = state.Strategy.Values.TryGetValue("rounds", out var rounds) ? rounds.AsInt64() : 0;
                return next with { State = (next.State ?? state.Strategy).With("rounds", before + 1) };
            }
        }
    }
}
