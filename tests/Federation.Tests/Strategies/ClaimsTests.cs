using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>What clients claim about themselves weighs in bounds, and no model is adopted that is not sound, whatever the rule.</summary>
public sealed class ClaimsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("1,3", 3, 3)] // within ten times the median
    [InlineData("10,20,70", 70, 70)]
    [InlineData("100,100,1000000000", 1000000000, 200)] // all others together
    [InlineData("100,1000000000", 1000000000, 100)]
    [InlineData("100,100,100,100,100,100,100,100,100,100,100,100,1000000", 1000000, 1000)] // ten times the median
    [InlineData("5000", 5000, 5000)] // nobody else
    [InlineData("1000000000,1000000000,1", 1000000000, 1000000000)] // not more than all others together
    public void Believed_OfClaims_IsBoundedWhereOneOutweighsAll(string claims, long claim, long expected) =>
        Assert.Equal(expected, ExampleClaims.Believed(claim, [.. claims.Split(',').Select(long.Parse)], 10));

    [Theory]
    [InlineData(typeof(FedAvg))]
    [InlineData(typeof(FedAvgM))]
    [InlineData(typeof(GeometricMedian))]
    [InlineData(typeof(FaultTolerantFedAvg))]
    public async Task Run_WithABillionExamplesClaimed_StaysNearTheHonest(Type type)
    {
        // The attacker is one of four and its update is within the limits.
        var strategy = (Strategy)Activator.CreateInstance(type)!;
        var log = new LogRecorder();
        var registry = Registry(log, 4, i => (i == 0 ? 1_000_000_000 : 100, i == 0 ? -30f : 1f, TestKit.NoValues));
        var history = await Loop(strategy, registry, log, 1).RunAsync(Token).Bounded();
        // Half of all weight at most: (−30 + 1) / 2.
        Assert.InRange(history.Value(), -14.5f - 1e-3f, 1.01f);
        Assert.Contains("1000000000 examples claimed", log.WithId(311)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithABillionExamplesClaimed_GivesTheSameModelInAnyOrderOfArrival()
    {
        float? expected = null;
        foreach (var attacker in new[] { 0, 1, 2, 3 })
        {
            // One at a time, in the order of their places.
            var log = new LogRecorder();
            var registry = Registry(log, 4, i => (i == attacker ? 1_000_000_000 : 100, i == attacker ? -30f : 1f, TestKit.NoValues));
            var history = await new RoundLoop(
                new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, registry, new() { MaxConcurrency = 1 }, log).RunAsync(Token).Bounded();
            expected ??= history.Value();
            Assert.Equal(-14.5f, history.Value());
            Assert.Equal(expected, history.Value());
        }
    }

    [Fact]
    public async Task Evaluation_WithABillionExamplesClaimed_IsBoundedToo()
    {
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        for (var i = 0; i < 3; i++)
        {
            var (loss, examples) = i == 0 ? (100f, 1_000_000_000L) : (1f, 50L);
            registry.Join(new AnsweringConnection($"{i}", instruction => instruction is FitInstructions fit
                ? new FitResult(ResultStatus.Success, fit.Parameters, 1, TestKit.NoValues)
                : new EvaluateResult(ResultStatus.Success, loss, examples, new Dictionary<string, Scalar> { ["m"] = loss })));
        }
        var strategy = new FedAvg { InitialParameters = new(TestKit.Floats(0)), EvaluateMetricsAggregation = Metrics.WeightedAverage };
        var history = await new RoundLoop(new(1), strategy, registry, new(), log).RunAsync(Token).Bounded();
        Assert.Equal([new(1, 50.5)], history.LossesDistributed);
        Assert.Equal([new(1, 50.5)], history.MetricsDistributed["m"]);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e300)]
    [InlineData(-1)]
    public void QFedAvg_OfALossThatIsNone_RefusesTheClient(double loss) => Assert.Equal(
        FailureReason.Metric, new QFedAvg().Check(TestKit.State(TestKit.Floats(0)), Result("loss", loss))!.Reason);

    [Fact]
    public void QFedAvg_WithoutALossAnywhere_RefusesTheClient()
    {
        Assert.Contains("report 'loss'", new QFedAvg().Check(TestKit.State(TestKit.Floats(0)), Result("x", 1))!.Message, StringComparison.Ordinal);
        Assert.Null(new QFedAvg { EvaluateFunction = (_, _) => new(1) }.Check(TestKit.State(TestKit.Floats(0)), Result("x", 1)));
    }

    [Theory]
    [InlineData(1e12)]
    [InlineData(0)]
    public void QFedAvg_OfALossFarFromTheOthers_BoundsItsWeight(double loss)
    {
        // A loss of 1e12 counts as 10, one of 0 as 0.01, where the median is 1.
        var bounded = Next(loss);
        Assert.Equal(Next(loss > 1 ? 10 : 0.01), bounded);
        Assert.True(float.IsFinite(bounded));

        static float Next(double loss)
        {
            var aggregation = new QFedAvg { Q = 1, LearningRate = 1 }.AggregateFit(TestKit.State(TestKit.Floats(0)));
            foreach (var (place, value) in new[] { (0, 1.0), (1, 1.0), (2, loss) }) aggregation.Add(place, Result("loss", value));
            return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>()[0];
        }
    }

    [Theory]
    [InlineData(1e-12)]
    [InlineData(-5)]
    [InlineData(0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e11)]
    public void FedNova_OfStepsThatAreNone_RefusesTheClient(double steps) => Assert.Equal(
        FailureReason.Metric, new FedNova().Check(TestKit.State(TestKit.Floats(0)), Result("num_steps", steps))!.Reason);

    [Theory]
    [InlineData(1e-3, 0.1)]
    [InlineData(1e9, 1000)]
    public void FedNova_OfStepsFarFromTheOthers_BoundsTheirWeight(double steps, double counts)
    {
        Assert.Equal(Next(counts), Next(steps));

        static float Next(double steps)
        {
            var aggregation = new FedNova().AggregateFit(TestKit.State(TestKit.Floats(0)));
            foreach (var (place, value) in new[] { (0, 10.0), (1, 10.0), (2, steps) }) aggregation.Add(place, Result("num_steps", value));
            return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>()[0];
        }
    }

    [Theory]
    [InlineData("nan", "(NotFinite)")]
    [InlineData("far", "the strategy's step has norm")]
    [InlineData("shape", "(Shape)")]
    [InlineData("count", "(TensorCount)")]
    [InlineData("throws", "the strategy failed on it: DivideByZeroException")]
    [InlineData("null", "the strategy made no new one")]
    public async Task StrategyOfOnesOwn_ThatMakesAnUnsoundModel_ChangesNothing(string kind, string why)
    {
        var log = new LogRecorder();
        var registry = Registry(log, 3, _ => (1, 1f, TestKit.NoValues));
        var own = new Own(kind) { InitialParameters = new(TestKit.Floats(7)), FractionEvaluate = 0 };
        var history = await new RoundLoop(new(2) { AllowUntrained = true }, own, registry, new(), log).RunAsync(Token).Bounded();
        Assert.Equal(7f, history.Value());
        Assert.Equal([1, 2], history.ModelsKept.Select(kept => kept.Round));
        Assert.All(history.ModelsKept, kept => Assert.Contains(why, kept.Value, StringComparison.Ordinal));
        Assert.All(log.WithId(304), line => Assert.Contains(why, line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("add")]
    [InlineData("check")]
    public async Task StrategyOfOnesOwn_ThatThrowsOnOneReply_GoesOnWithTheOthers(string kind)
    {
        var log = new LogRecorder();
        var registry = Registry(log, 3, i => (i + 1, 1f, TestKit.NoValues));
        var own = new Own(kind) { InitialParameters = new(TestKit.Floats(7)), FractionEvaluate = 0 };
        var history = await new RoundLoop(new(2), own, registry, new(), log).RunAsync(Token).Bounded();
        Assert.Equal(9f, history.Value());
        Assert.Equal(2, history.FitFailures.Count);
        Assert.All(history.FitFailures, failure => Assert.Equal(FailureReason.Aggregation, failure.Value.Reason));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public async Task Staleness_OutsideItsRange_IsNamed(double weight)
    {
        foreach (AsyncStrategy strategy in new AsyncStrategy[]
        {
            new FedBuff { Staleness = _ => weight, BufferSize = 2, InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 },
            new FedAsync { Staleness = _ => weight, InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 },
        })
        {
            var log = new LogRecorder();
            var error = await Assert.ThrowsAsync<FederationException>(() =>
                ServerLoop.Create(new(1), strategy, Registry(log, 2, _ => (1, 1f, TestKit.NoValues)), new(), log).RunAsync(Token).Bounded());
            Assert.Contains($"[{strategy.GetType().Name}] Staleness gives", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task FedAdam_OfSmallUpdatesAndAManyElements_IsNotHeldToTheirNorm()
    {
        // An element moves by η = 0.1 however small the updates are, which is more than 100 times their norm.
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        for (var i = 0; i < 2; i++)
        {
            registry.Join(new AnsweringConnection($"{i}", instruction => new FitResult(ResultStatus.Success,
                new(NdArray.From<float>([.. ((FitInstructions)instruction).Parameters.Arrays[0].ToArray<float>().Select(value => value + 1e-6f)], [1_000_000])), 1, TestKit.NoValues)));
        }
        var strategy = new FedAdam { InitialParameters = new(NdArray.Zeros([1_000_000])), FractionEvaluate = 0 };
        var history = await new RoundLoop(new(12), strategy, registry, new(), log).RunAsync(Token).Bounded();
        Assert.Empty(history.ModelsKept);
    }

    private static RoundLoop Loop(Strategy strategy, ClientRegistry registry, LogRecorder log, int rounds) =>
        new RoundLoop(new(rounds), With(strategy), registry, new(), log);

    private static Strategy With(Strategy strategy)
    {
        typeof(Strategy).GetProperty(nameof(Strategy.InitialParameters))!.SetValue(strategy, new Parameters(TestKit.Floats(0)));
        typeof(Strategy).GetProperty(nameof(Strategy.FractionEvaluate))!.SetValue(strategy, 0.0);
        return strategy;
    }

    private static ClientRegistry Registry(LogRecorder log, int count, Func<int, (long Examples, float Step, IReadOnlyDictionary<string, Scalar> Metrics)> client)
    {
        var registry = new ClientRegistry(log);
        for (var i = 0; i < count; i++)
        {
            var (examples, step, metrics) = client(i);
            registry.Join(new AnsweringConnection($"{i}", instruction => new FitResult(
                ResultStatus.Success, new(TestKit.Floats(((FitInstructions)instruction).Parameters.Arrays[0].ToArray<float>()[0] + step)), examples, metrics)));
        }
        return registry;
    }

    private static FitResult Result(string metric, double value) =>
        TestKit.Fit(1, TestKit.Floats(1)) with { Metrics = new Dictionary<string, Scalar> { [metric] = value } };

    /// <summary>A user's strategy with a fault.</summary>
    private sealed class Own(string kind) : Strategy
    {
        public override Refusal? Check(RoundState state, FitResult result) =>
            kind == "check" && result.NumExamples == 2 ? throw new DivideByZeroException() : base.Check(state, result);

        public override FitAggregation AggregateFit(RoundState state) => new Aggregation(kind, new FedAvg().AggregateFit(state));

        private sealed class Aggregation(string kind, FitAggregation mean) : FitAggregation
        {
            public override void Add(int place, FitResult result)
            {
                if (kind == "add" && result.NumExamples == 2) throw new DivideByZeroException();
                mean.Add(place, result);
            }

            public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) => kind switch
            {
                "nan" => new Parameters(TestKit.Floats(float.NaN)),
                "far" => new Parameters(TestKit.Floats(1e30f)),
                "shape" => new Parameters(TestKit.Floats(1, 2)),
                "count" => new Parameters(TestKit.Floats(1), TestKit.Floats(1)),
                "throws" => throw new DivideByZeroException(),
                "null" => null,
                _ => mean.Complete(failures),
            };
        }
    }
}
