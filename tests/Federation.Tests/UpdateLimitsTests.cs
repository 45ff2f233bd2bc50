using System.Text.Json;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Limits to updates: numbers by hand, how limits follow, and what a whole run makes of attackers.</summary>
public sealed class UpdateLimitsTests
{
    private static readonly RoundState State = TestKit.State(TestKit.Floats(1, 1));

    [Fact]
    public void Clip_BeyondTheLimit_ShortensTheUpdate()
    {
        // Δ = (3, 4) of norm 5; the limit 2.5 halves it: (1, 1) + (1.5, 2).
        var filter = Filter(new() { Clipping = NormLimit.Fixed(2.5) });
        Assert.Equal([2.5f, 3], Clipped(filter, State, TestKit.Fit(1, TestKit.Floats(4, 5)))[0].ToArray<float>());
        Assert.Equal((0, 1), filter.EndRound());
        Assert.Equal((0, 0), filter.EndRound());
    }

    [Theory]
    [InlineData(4, 5)] // the norm 5 is the limit
    [InlineData(1, 1)] // the norm is 0
    public void Clip_UpToTheLimit_GivesTheSameResult(float x, float y)
    {
        var filter = Filter(new() { Clipping = NormLimit.Fixed(5), Zeroing = NormLimit.Fixed(5) });
        var result = TestKit.Fit(1, TestKit.Floats(x, y));
        Assert.Null(filter.Check(State, result));
        Assert.Same(result, filter.Clip(State, result));
        Assert.Equal((0, 0), filter.EndRound());
    }

    [Fact]
    public void Clip_OfSeveralTypes_MeasuresAndChangesTheFloats()
    {
        // Δ = (3, 4) in two tensors, norm 5; the integer would make it a million. The limit 1 leaves a fifth.
        var state = TestKit.State(TestKit.Floats(1), NdArray.From(0L), NdArray.From(2.0));
        var filter = Filter(new() { Clipping = NormLimit.Fixed(1) });
        var next = Clipped(filter, state, TestKit.Fit(1, TestKit.Floats(4), NdArray.From(1_000_000L), NdArray.From(6.0)));
        Assert.Equal([1.6f], next[0].ToArray<float>());
        Assert.Equal([1_000_000L], next[1].ToArray<long>());
        Assert.Equal(2.8, next[2].ToArray<double>()[0], 15);
    }

    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    public void Clip_OfHalves_KeepsTheirType(DType type)
    {
        // Δ = (3, 4); the limit 2.5 halves it.
        var state = TestKit.State(TestKit.Floats(1, 1).AsType(type));
        var next = Clipped(Filter(new() { Clipping = NormLimit.Fixed(2.5) }), state, TestKit.Fit(1, TestKit.Floats(4, 5).AsType(type)))[0];
        Assert.Equal(type, next.DType);
        Assert.Equal([2.5f, 3], next.AsType(DType.Float32).ToArray<float>());
    }

    [Fact]
    public void Clip_OfMoreTensorsThanTheModels_TakesThemAsDifferences()
    {
        // Δ = (3, 0) and (0, 4), norm 5.
        var filter = Filter(new() { Clipping = NormLimit.Fixed(2.5) });
        var next = Clipped(filter, State, TestKit.Fit(1, TestKit.Floats(4, 1), TestKit.Floats(0, 4)));
        Assert.Equal([2.5f, 1], next[0].ToArray<float>());
        Assert.Equal([0f, 2], next[1].ToArray<float>());
    }

    [Fact]
    public void Check_BeyondTheLimit_RefusesTheUpdate()
    {
        var filter = Filter(new() { Zeroing = NormLimit.Fixed(4) });
        var refusal = filter.Check(State, TestKit.Fit(1, TestKit.Floats(4, 5)))!;
        Assert.Equal(FailureReason.Norm, refusal.Reason);
        Assert.Equal("update of norm 5, expected at most 4; if it is meant, widen UpdateLimits.Zeroing", refusal.Message);
        Assert.Equal((1, 0), filter.EndRound());
    }

    [Fact]
    public void Check_OfModelsThatAreNoArrays_LetsThemPass()
    {
        var result = new FitResult(ResultStatus.Success, Parameters.Opaque("", new byte[] { 1 }), 1, TestKit.NoValues);
        Assert.Null(Filter(new() { Zeroing = NormLimit.Fixed(1e-9) }).Check(new(1, Parameters.Opaque(""), [], default), result));
    }

    [Fact]
    public void EndRound_AfterNorms_MovesTheLimitToTheirQuantile()
    {
        // C = 10, limit 21. Of the norms 9 and 30 half are within C: C = 10·exp(−ln 10·(0.5 − 0.98)) = 10^1.48 and the limit
        // 2·10^1.48 + 1 = 61.3990. Then both are: C = 10^1.46, limit 58.6806.
        var filter = Filter(UpdateLimits.TensorFlowFederated with { Clipping = null });
        Assert.Equal([true, false], Passing(filter, 9, 30));
        filter.EndRound();
        Assert.Equal([true, false], Passing(filter, 61.398f, 61.4f));
        var next = Filter(UpdateLimits.TensorFlowFederated with { Clipping = null });
        Passing(next, 9, 30);
        next.EndRound();
        Passing(next, 9, 30);
        next.EndRound();
        Assert.Equal([true, false], Passing(next, 58.68f, 58.682f));
    }

    /// <summary>Norms of 3, and 4 attackers of 10: the default limits come down to the honest and stay out of reach.</summary>
    [Fact]
    public void EndRound_WithAttackers_ComesDownToTheHonest()
    {
        var filter = Filter(new());
        for (var round = 0; round < 30; round++)
        {
            Assert.Equal([true, true, true, true, true, true, false, false, false, false], Passing(filter, 3, 3, 3, 3, 3, 3, 3e6f, 3e6f, 3e6f, 3e6f));
            Assert.Equal((4, 0), filter.EndRound());
        }
        Assert.Equal([false], Passing(filter, 2000));
    }

    /// <summary>Updates that are all far beyond the first limit are let in after a few rounds: 1000·10^(r/2) = 10⁶ for r = 6.</summary>
    [Fact]
    public void EndRound_WhenAllAreBeyond_Grows()
    {
        var filter = Filter(new() { Clipping = null });
        for (var round = 0; round < 6; round++)
        {
            Assert.Equal([false, false], Passing(filter, 1e6f, 1e6f));
            filter.EndRound();
        }
        Assert.Equal([true, true], Passing(filter, 1e6f, 1e6f));
    }

    /// <summary>Of 4 floats and an integer: C = 10·√4 = 20, so the limits are 201 and 2001.</summary>
    [Fact]
    public void Limit_ByDefault_GrowsWithTheModel()
    {
        var state = TestKit.State(NdArray.Zeros([3]), NdArray.Zeros([1]), NdArray.From(0L));
        Assert.Equal([201f, 0, 0], Clipped(Filter(new()), state, Result(2001))[0].ToArray<float>());
        Assert.Equal(FailureReason.Norm, Filter(new()).Check(state, Result(2002))!.Reason);

        static FitResult Result(float norm) => TestKit.Fit(1, TestKit.Floats(norm, 0, 0), TestKit.Floats(0), NdArray.From(0L));
    }

    [Fact]
    public void Limit_InAnyOrderOfClients_IsTheSame()
    {
        var random = new Random(1);
        float[] norms = [.. Enumerable.Range(0, 50).Select(_ => (float)(random.NextDouble() * 300))];
        var limits = Enumerable.Range(0, 5).Select(_ =>
        {
            random.Shuffle(norms);
            var filter = Filter(new() { Zeroing = null, Clipping = new() { Quantile = 0.3 } });
            Passing(filter, norms);
            filter.EndRound();
            return Clipped(filter, TestKit.State(TestKit.Floats(0)), TestKit.Fit(1, TestKit.Floats(1e6f)))[0].ToArray<float>()[0];
        });
        Assert.Single(limits.Distinct());
    }

    [Theory]
    [InlineData(1e6f)]
    [InlineData(-1e6f)]
    [InlineData(3e38f)]
    [InlineData(float.NaN)]
    public async Task RunAsync_WithAttackers_CountsAndLeavesThemOut(float scale)
    {
        var log = new LogRecorder();
        ArrayClient[] clients = [.. new[] { 1f, scale, 2, 3, scale }.Select(step => LambdaClient.Adding(step, 1))];
        var history = await Run(clients, 3, new() { LoggerFactory = log });

        Assert.Equal(6f, history.Value());
        Assert.Equal(6, log.WithId(302).Count);
        RoundValue<int>[] refused = float.IsNaN(scale) ? [] : [new(1, 2), new(2, 2), new(3, 2)];
        Assert.Equal(refused, history.UpdatesRefused);
        Assert.Empty(history.UpdatesClipped);
    }

    [Fact]
    public async Task RunAsync_WithoutRounds_LeavesAttackersOut()
    {
        var strategy = new FedBuff
        {
            BufferSize = 2,
            MinAvailableClients = 3,
            Staleness = StalenessWeight.Constant,
            InitialParameters = new(TestKit.Floats(0)),
            FractionEvaluate = 0,
        };
        var history = await FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1e6f, 1), LambdaClient.Adding(1, 1), LambdaClient.Adding(1, 1)], new(5), strategy,
            cancellation: TestContext.Current.CancellationToken).Bounded();
        Assert.Equal(5f, history.Value());
    }

    /// <summary>What limits learn of a round lasts although the round makes no model: 1000·10^(r/2) + 1 lets 10⁶ in after six.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunAsync_WhoseEveryUpdateIsBeyondTheLimit_TakesThemOnceItHasGrown(bool isAsync)
    {
        var initial = new Parameters(TestKit.Floats(0));
        Strategy strategy = isAsync
            ? new FedBuff { BufferSize = 2, MinAvailableClients = 2, InitialParameters = initial, FractionEvaluate = 0 }
            : new FedAvg { InitialParameters = initial, FractionEvaluate = 0 };
        var history = await FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1e6f, 1), LambdaClient.Adding(1e6f, 1)], new(7), strategy,
            new() { UpdateLimits = new() { Clipping = null }, LoggerFactory = new LogRecorder() }, TestContext.Current.CancellationToken).Bounded();

        Assert.Equal(1e6f, history.Value());
        Assert.Equal([1, 2, 3, 4, 5, 6], history.ModelsKept.Select(kept => kept.Round));
        Assert.Equal([2, 2, 2, 2, 2, 2], history.UpdatesRefused.Select(refused => refused.Value));
    }

    [Fact]
    public async Task RunAsync_WithLongUpdates_ClipsAndReportsThem()
    {
        // Limits 5 and 50: steps 1, 20 and 100 count as 1, 5 and not at all, so each round adds 3.
        var log = new LogRecorder();
        var limits = new UpdateLimits { Clipping = NormLimit.Fixed(5), Zeroing = NormLimit.Fixed(50) };
        var history = await Run([LambdaClient.Adding(1, 1), LambdaClient.Adding(20, 1), LambdaClient.Adding(100, 1)], 2, new() { UpdateLimits = limits, LoggerFactory = log });

        Assert.Equal(6f, history.Value());
        Assert.Equal([new(1, 1), new(2, 1)], history.UpdatesClipped);
        Assert.All(log.WithId(309), line => Assert.EndsWith("update of norm 20 is shortened to 5", line, StringComparison.Ordinal));
        using var stream = new MemoryStream();
        history.WriteJson(stream);
        using var json = JsonDocument.Parse(stream.ToArray());
        Assert.Equal("[[1,1],[2,1]]", string.Concat(json.RootElement.GetProperty("updates_refused").GetRawText().Where(c => !char.IsWhiteSpace(c))));
        Assert.Equal("[[1,1],[2,1]]", string.Concat(json.RootElement.GetProperty("updates_clipped").GetRawText().Where(c => !char.IsWhiteSpace(c))));
        Assert.Contains("History (updates, clipped):\n    round 1: 1\n    round 2: 1", history.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_WithoutLimits_TakesEveryUpdate()
    {
        var history = await Run([LambdaClient.Adding(1, 1), LambdaClient.Adding(3_000_001, 1)], 1, new() { UpdateLimits = UpdateLimits.None });
        Assert.Equal(1_500_001f, history.Value());
    }

    [Fact]
    public async Task RunAsync_OfHonestTraining_GivesTheSameBitsAsWithoutLimits()
    {
        var (with, without) = (await Train(new()), await Train(new() { UpdateLimits = UpdateLimits.None }));
        Assert.Equal(without.Losses, with.Losses);
        Assert.Equal(without.Model, with.Model);

        static async Task<(IEnumerable<double> Losses, float[] Model)> Train(SimulationOptions options)
        {
            var clients = Enumerable.Range(0, 3).Select(i =>
            {
                var random = new Random(i);
                float[] points = [.. Enumerable.Range(0, 400).Select(_ => (float)(random.NextDouble() * 2 - 1))];
                int[] labels = [.. Enumerable.Range(0, 200).Select(k => points[2 * k] + points[2 * k + 1] > 0 ? 1 : 0)];
                var data = new Dataset(NdArray.From(points, [200, 2]), NdArray.From(labels));
                var model = new Linear(2, 2, RandomKey.FromSeed(0));
                return new ModuleClient(model, new Sgd(0.5), (p, y) => Losses.CrossEntropy(p, y), data, data, new() { BatchSize = 20, LocalEpochs = 1 + 4 * i });
            });
            var history = await FederatedSimulation.RunAsync(clients, new(12), new FedAvg(), options, TestContext.Current.CancellationToken).Bounded();
            return (history.LossesDistributed.Select(loss => loss.Value), history.FinalParameters.Arrays[0].ToArray<float>());
        }
    }

    [Theory]
    [InlineData(0, 0.5, 1, 1, 0, "InitialNorm is 0, expected a finite number above 0")]
    [InlineData(1, 1.5, 1, 1, 0, "Quantile is 1.5, expected 0 to 1")]
    [InlineData(1, 0.5, -1, 1, 0, "LearningRate is -1, expected a finite number of at least 0")]
    [InlineData(1, 0.5, 1, 0, 0, "Factor is 0, expected a finite number above 0")]
    [InlineData(1, 0.5, 1, 1, double.NaN, "Increment is NaN, expected a finite number of at least 0")]
    public void NormLimit_OutsideItsRange_SaysWhatIsExpected(double norm, double quantile, double rate, double factor, double increment, string expected) =>
        Assert.Contains($"[norm_limit] {expected}", Assert.Throws<ArgumentOutOfRangeException>(() => new NormLimit
        {
            InitialNorm = norm,
            Quantile = quantile,
            LearningRate = rate,
            Factor = factor,
            Increment = increment,
        }).Message, StringComparison.Ordinal);

    /// <summary>An update that passes but comes too late to count moves no limit: who goes on after a kill never sees it.</summary>
    [Fact]
    public void Next_AfterAnUpdateThatDidNotCount_IsAsWithoutIt()
    {
        var (plain, late) = (Filter(new()), Filter(new()));
        Assert.Null(late.Check(State, TestKit.Fit(1, TestKit.Floats(1, 2))));
        late.EndRound();
        Assert.Equal(StrategyState.Empty.ToString(), late.Memory.ToString());
        foreach (var rounds in new[] { plain, late })
        {
            var update = TestKit.Fit(1, TestKit.Floats(3, 4));
            Assert.Null(rounds.Check(State, update));
            if (rounds == late) Assert.Null(rounds.Check(State, TestKit.Fit(1, TestKit.Floats(7, 8))));
            rounds.Clip(State, update);
            rounds.EndRound();
        }
        Assert.NotEqual(StrategyState.Empty.ToString(), plain.Memory.ToString());
        Assert.Equal(plain.Memory.ToString(), late.Memory.ToString());
    }

    private static Rounds Filter(UpdateLimits limits) => new(limits);

    private static IReadOnlyList<NdArray> Clipped(Rounds filter, RoundState state, FitResult result)
    {
        Assert.Null(filter.Check(state, result));
        return filter.Clip(state, result).Parameters.Arrays;
    }

    /// <summary>Which of some norms pass.</summary>
    private static bool[] Passing(Rounds filter, params float[] norms)
    {
        var state = TestKit.State(TestKit.Floats(0));
        return [.. norms.Select(norm =>
        {
            var result = TestKit.Fit(1, TestKit.Floats(norm));
            var passes = filter.Check(state, result) is null;
            if (passes) filter.Clip(state, result);
            return passes;
        })];
    }

    private static Task<History> Run(ArrayClient[] clients, int rounds, SimulationOptions options) => FederatedSimulation.RunAsync(
        clients, new(rounds), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, options, TestContext.Current.CancellationToken).Bounded();

    /// <summary>Round after round under some limits, which remember what a strategy would.</summary>
    private sealed class Rounds(UpdateLimits limits)
    {
        private RoundLimits? round;
        private int refused;

        public StrategyState Memory { get; private set; } = StrategyState.Empty;

        public Refusal? Check(RoundState state, FitResult result)
        {
            var refusal = Now(state).Check(state.Parameters, result);
            if (refusal is not null) refused++;
            return refusal;
        }

        public FitResult Clip(RoundState state, FitResult result) => Now(state).Clip(state.Parameters, result);

        public (int Refused, int Clipped) EndRound()
        {
            var counts = (refused, round?.Clipped ?? 0);
            Memory = round?.Next(Memory) ?? Memory;
            (round, refused) = (null, 0);
            return counts;
        }

        private RoundLimits Now(RoundState state) => round ??= new(limits, state with { Strategy = Memory }, limit => limit, new LogRecorder());
    }
}
