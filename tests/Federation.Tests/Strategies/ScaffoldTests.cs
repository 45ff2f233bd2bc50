using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>SCAFFOLD on both sides: numbers by hand, who is refused, and that it goes where averaging does not.</summary>
public sealed class ScaffoldTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Complete_OfTwoOfFourClients_MovesModelAndControl()
    {
        // x = 1, y = (3, 5), cₖ⁺ − cₖ = (2, 6), examples do not count, η_g = 1/2:
        // x = 1 + 1/2·((2 + 4)/2) = 2.5; c = 0 + (2 + 6)/4 = 2. The integers 7 and 10 become 8.5 → 8, and have no c.
        var strategy = new Scaffold { ServerLearningRate = 0.5, TotalClients = 4 };
        var state = State(TestKit.Floats(1), NdArray.From(7L));
        var run = Run(strategy, state);
        var aggregation = strategy.AggregateFit(state);
        foreach (var (place, examples, y, count, change) in new[] { (1, 1, 5f, 10L, 6f), (0, 9, 3f, 7L, 2f) })
        {
            var result = Result(run, examples, TestKit.Floats(y), NdArray.From(count), TestKit.Floats(change), NdArray.From(0L));
            Assert.Null(strategy.Check(state, result));
            aggregation.Add(place, result);
        }
        var (next, memory) = aggregation.Complete([])!;
        Assert.Equal([2.5f], next.Arrays[0].ToArray<float>());
        Assert.Equal([8L], next.Arrays[1].ToArray<long>());

        var after = state with { Round = 2, Parameters = next, Strategy = memory! };
        var task = strategy.ConfigureFit(after)[0].Instructions;
        Assert.Equal([2.5f, 2f], [task.Parameters.Arrays[0].ToArray<float>()[0], task.Parameters.Arrays[2].ToArray<float>()[0]]);
        Assert.Equal([0L], task.Parameters.Arrays[3].ToArray<long>());
        Assert.Equal(run, task.Config[Scaffold.RunKey].AsInt64());
        Assert.Same(next, strategy.ConfigureEvaluate(after)[0].Instructions.Parameters);
    }

    [Fact]
    public void ConfigureFit_OfANewRun_StartsFromZeros()
    {
        var strategy = new Scaffold();
        var state = State(TestKit.Floats(1));
        var first = Run(strategy, state);
        var aggregation = strategy.AggregateFit(state);
        aggregation.Add(0, Result(first, 1, TestKit.Floats(1), TestKit.Floats(5)));
        Assert.Equal([5f], aggregation.Complete([])!.State!.List("c")![0].ToArray<float>());
        Assert.NotEqual(first, Run(strategy, state with { RunId = "another" }));
        Assert.Equal([0f], strategy.ConfigureFit(state)[0].Instructions.Parameters.Arrays[1].ToArray<float>());
    }

    [Fact]
    public void Check_OfAClientThatDoesNotKnowIt_SaysSo()
    {
        var strategy = new Scaffold();
        var state = State(TestKit.Floats(1));
        var run = Run(strategy, state);

        var unmarked = strategy.Check(state, TestKit.Fit(1, TestKit.Floats(1), TestKit.Floats(1)))!;
        Assert.Equal(FailureReason.Unexpected, unmarked.Reason);
        Assert.Equal($"metric scaffold_run is missing, expected {run}; a client that does not know SCAFFOLD cannot take part", unmarked.Message);
        Assert.StartsWith("metric scaffold_run is 3, expected", strategy.Check(state, Result(3, 1, TestKit.Floats(1), TestKit.Floats(1)))!.Message, StringComparison.Ordinal);
        Assert.Equal(FailureReason.TensorCount, strategy.Check(state, Result(run, 1, TestKit.Floats(1)))!.Reason);
        Assert.Equal(FailureReason.NotFinite, strategy.Check(state, Result(run, 1, TestKit.Floats(1), TestKit.Floats(float.NaN)))!.Reason);
    }

    [Fact]
    public void Complete_InAnyOrderOfClients_GivesTheSameBits()
    {
        var random = new Random(1);
        var (strategies, state) = (new[] { new Scaffold(), new Scaffold() }, State(NdArray.Zeros([100])));
        float[][] models = [.. Enumerable.Range(0, 9).Select(_ => Enumerable.Range(0, 200).Select(_ => (float)random.NextDouble()).ToArray())];
        var results = strategies.Select(strategy =>
        {
            var run = Run(strategy, state);
            var aggregation = strategy.AggregateFit(state);
            random.Shuffle(models);
            for (var k = 0; k < models.Length; k++)
            {
                aggregation.Add(k, Result(run, 1 + k, NdArray.From<float>(models[k].AsSpan(0, 100)), NdArray.From<float>(models[k].AsSpan(100))));
            }
            var (model, memory) = aggregation.Complete([])!;
            var next = state with { Round = 2, Parameters = model, Strategy = memory! };
            return strategy.ConfigureFit(next)[0].Instructions.Parameters.Arrays.SelectMany(array => array.ToArray<float>()).ToArray();
        }).ToArray();
        Assert.True(results[0].AsSpan().SequenceEqual(results[1]));
    }

    /// <summary>
    /// Loss ½·(w − 4)², η = ½, K = 2. x = 0, c = 1, cₖ = 0: y = 0 − ½·(−4 + 1) = 1.5, then 1.5 − ½·(−2.5 + 1) = 2.25, and
    /// cₖ⁺ = −1 + (0 − 2.25)/1 = −3.25. x = 2, c = −1, so c − cₖ = 2.25: y = 2 − ½·(−2 + 2.25) = 1.875, then
    /// 1.875 − ½·(−2.125 + 2.25) = 1.8125, and cₖ⁺ − cₖ = 1 + (2 − 1.8125)/1 = 1.1875.
    /// </summary>
    [Fact]
    public async Task FitAsync_RoundByRound_KeepsItsControlVariateUntilTheRunIsAnother()
    {
        var client = Client(target: 4, epochs: 2, rate: 0.5);
        await Fit(7, x: 0, c: 1, expected: [2.25f, -3.25f]);
        await Fit(7, x: 2, c: -1, expected: [1.8125f, 1.1875f]);
        await Fit(8, x: 0, c: 1, expected: [2.25f, -3.25f]);

        async Task Fit(long run, float x, float c, float[] expected)
        {
            var config = new Dictionary<string, Scalar> { [Scaffold.RunKey] = run };
            var result = await client.FitAsync([NdArray.From([x], [1, 1]), NdArray.From([c], [1, 1])], config, Cancellation);
            Assert.Equal(run, result.Metrics![Scaffold.RunKey].AsInt64());
            Assert.Equal(expected, result.Parameters.Select(array => array.ToArray<float>()[0]));
        }
    }

    /// <summary>The running statistics of a batch norm are not trained: they have no control variate.</summary>
    [Fact]
    public async Task FitAsync_OfBuffers_SendsZerosForThem()
    {
        var model = new BatchNorm(2);
        var data = new Dataset(NdArray.From<float>([1, 2, 3, 5], [2, 2]), NdArray.From<float>([0, 0, 0, 0], [2, 2]));
        var client = new ModuleClient(model, new Sgd(0.1), (p, y) => Losses.Mse(p * p, y + 3), data, null);
        NdArray[] arrays = [.. model.Parameters().ToArrays(), .. model.Parameters().Map(value => value.ZerosLike()).ToArrays()];
        var result = await client.FitAsync(arrays, new Dictionary<string, Scalar> { [Scaffold.RunKey] = 1 }, Cancellation);
        Assert.Equal(8, result.Parameters.Count);
        Assert.Contains(result.Parameters[4].ToArray<float>(), value => value != 0);
        Assert.All(result.Parameters.Skip(6), array => Assert.Equal([0f, 0f], array.ToArray<float>()));
    }

    [Fact]
    public async Task FitAsync_WithLearningRateZero_SaysWhyNot()
    {
        var config = new Dictionary<string, Scalar> { [Scaffold.RunKey] = 1, ["lr"] = 0.0 };
        var error = await Assert.ThrowsAsync<ArgumentException>(async () => await Client(4, 1, 0.5).FitAsync(
            [NdArray.Zeros([1, 1]), NdArray.Zeros([1, 1])], config, Cancellation));
        Assert.Equal("[module_client] learning rate is 0, expected above 0; SCAFFOLD divides by it", error.Message);
    }

    /// <summary>One client takes 1 step to its optimum 0 a round, the other 9 to its optimum 1; the best for both is ½.</summary>
    [Fact]
    public async Task RunAsync_OfClientsThatDrift_EndsAtTheOptimumOfBoth()
    {
        Assert.InRange(await End(new Scaffold { FractionEvaluate = 0 }), 0.499f, 0.501f);
        Assert.InRange(await End(new FedAvg { FractionEvaluate = 0 }), 0.7f, 1f);

        static async Task<float> End(Strategy strategy)
        {
            var history = await FederatedSimulation.RunAsync(
                [Client(0, 1, 0.1), Client(1, 9, 0.1)], new(60), strategy, new() { ThroughCodec = true }, Cancellation).Bounded();
            return history.FinalParameters.Arrays[0].ToArray<float>()[0];
        }
    }

    /// <summary>Attackers send models and control variates a million times too long, or NaN; the others go on.</summary>
    [Theory]
    [InlineData(1e6f)]
    [InlineData(float.NaN)]
    public async Task RunAsync_WithAttackers_LeavesThemOut(float scale)
    {
        var attacker = new LambdaClient
        {
            Fit = (parameters, config, _) => Task.FromResult(new FitOutput(
                [NdArray.From([scale], [1, 1]), NdArray.From([scale], [1, 1])], 1, new Dictionary<string, Scalar> { [Scaffold.RunKey] = config[Scaffold.RunKey] })),
        };
        var history = await FederatedSimulation.RunAsync(
            [Client(0, 1, 0.1), attacker, Client(1, 9, 0.1)], new(60),
            new Scaffold { FractionEvaluate = 0, InitialParameters = new(NdArray.Zeros([1, 1])), TotalClients = 2 }, cancellation: Cancellation).Bounded();
        Assert.InRange(history.FinalParameters.Arrays[0].ToArray<float>()[0], 0.499f, 0.501f);
    }

    private static RoundState State(params IReadOnlyList<NdArray> arrays) => TestKit.State(arrays) with { Clients = [new("client", "test")] };

    /// <summary>Begins a round and gives the run's number.</summary>
    private static long Run(Scaffold strategy, RoundState state) => strategy.ConfigureFit(state)[0].Instructions.Config[Scaffold.RunKey].AsInt64();

    private static FitResult Result(long run, long examples, params IReadOnlyList<NdArray> arrays) =>
        TestKit.Fit(examples, arrays) with { Metrics = new Dictionary<string, Scalar> { [Scaffold.RunKey] = run } };

    /// <summary>A client whose loss is ½·(w − target)², one step per epoch.</summary>
    private static ModuleClient Client(float target, int epochs, double rate)
    {
        var data = new Dataset(NdArray.From<float>([1], [1, 1]), NdArray.From([target], [1, 1]));
        return new(
            new Linear(1, 1, RandomKey.FromSeed(0), bias: false), new Sgd(rate), (p, y) => 0.5 * (p - y).Square().Mean(), data, null, new() { LocalEpochs = epochs });
    }
}
