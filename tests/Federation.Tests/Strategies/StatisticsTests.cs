using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Statistics of normalisation become the clients' mean under every strategy with an optimizer, however the server learns which they are.</summary>
public sealed class StatisticsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var name in Strategies.Keys)
            {
                cases.Add(name, true);
                cases.Add(name, false);
            }
            return cases;
        }
    }

    /// <summary>Strong settings: without the rule running variances fall below zero within some rounds.</summary>
    private static Dictionary<string, Func<Parameters?, Strategy>> Strategies => new()
    {
        ["FedAvg"] = initial => new FedAvg { InitialParameters = initial, FractionEvaluate = 0 },
        ["FedAvgM"] = initial => new FedAvgM { ServerMomentum = 0.9, InitialParameters = initial, FractionEvaluate = 0 },
        ["FedAdagrad"] = initial => new FedAdagrad { ServerLearningRate = 0.5, InitialParameters = initial, FractionEvaluate = 0 },
        ["FedAdam"] = initial => new FedAdam { ServerLearningRate = 0.5, InitialParameters = initial, FractionEvaluate = 0 },
        ["FedYogi"] = initial => new FedYogi { ServerLearningRate = 0.5, InitialParameters = initial, FractionEvaluate = 0 },
        ["FedNova"] = initial => new FedNova { InitialParameters = initial, FractionEvaluate = 0 },
        ["QFedAvg"] = initial => new QFedAvg { Q = 1, MinAvailableClients = 2, MinFitClients = 2, InitialParameters = initial, FractionEvaluate = 0 },
        ["Scaffold"] = initial => new Scaffold { ServerLearningRate = 3, InitialParameters = initial, FractionEvaluate = 0 },
        ["FedBuff"] = initial => new FedBuff { BufferSize = 2, MaxConcurrency = 1, ServerLearningRate = 3, InitialParameters = initial, FractionEvaluate = 0 },
    };

    [Theory, MemberData(nameof(Cases))]
    public async Task Statistics_OverTwelveRounds_AreTheClientsMean(string name, bool fromClient)
    {
        Recording[] clients = [new(0), new(1)];
        // Without the module only arrays are known, and the rule for those must find the statistics.
        var history = await FederatedSimulation.RunAsync(
            clients, new(12), Strategies[name](fromClient ? null : new(Recording.NewModel().Parameters().ToArrays())),
            new() { LoggerFactory = new LogRecorder(), Seed = 1, UpdateLimits = UpdateLimits.None }, Token).Bounded();
        Assert.Empty(history.FitFailures);
        Assert.Empty(history.ModelsKept);
        var schema = ParameterSchema.Of(Recording.NewModel());
        Assert.Equal(ParameterRole.Variance, schema[5].Role);
        for (var i = 0; i < schema.Count; i++)
        {
            var values = history.FinalParameters.Arrays[i].ToArray<float>();
            Assert.All(values, value => Assert.True(float.IsFinite(value), $"{schema[i].Name} holds {value}"));
            if (schema[i].Role == ParameterRole.Variance) Assert.All(values, value => Assert.True(value >= 0, $"{schema[i].Name} holds {value}"));
            if (schema[i].Role == ParameterRole.Trainable || name is "FedBuff") continue;
            // Both have as many examples.
            var expected = clients[0].Last![i].ToArray<float>().Zip(clients[1].Last![i].ToArray<float>(), (a, b) => ((double)a + b) / 2).ToArray();
            for (var k = 0; k < values.Length; k++) Assert.Equal(expected[k], values[k], 1e-5 * Math.Max(1, Math.Abs(expected[k])));
        }
    }

    [Theory]
    [InlineData("FedAvgM")]
    [InlineData("FedAdam")]
    [InlineData("FedNova")]
    [InlineData("Scaffold")]
    [InlineData("QFedAvg")]
    public void Statistics_NamedByTheUser_TakeTheMeanWeighted(string name)
    {
        // The second array is a statistic: (1·2 + 3·6) / 4 = 5, or (2 + 6) / 2 = 4 where clients count alike.
        var strategy = Strategies[name](null);
        var model = new Parameters(TestKit.Floats(0), TestKit.Floats(100));
        var state = new RoundState(1, model, [], default) { Schema = ParameterSchema.Guess(model.Arrays).With(ParameterRole.Variance, 1) };
        var metrics = new Dictionary<string, Scalar> { ["num_steps"] = 3, ["loss"] = 1 };
        var aggregation = strategy.AggregateFit(state);
        NdArray[] control = strategy is Scaffold ? [TestKit.Floats(0), TestKit.Floats(0)] : [];
        aggregation.Add(0, TestKit.Fit(1, [TestKit.Floats(1), TestKit.Floats(2), .. control]) with { Metrics = metrics });
        aggregation.Add(1, TestKit.Fit(3, [TestKit.Floats(1), TestKit.Floats(6), .. control]) with { Metrics = metrics });
        Assert.Equal([name == "Scaffold" ? 4f : 5f], aggregation.Complete([])!.Parameters.Arrays[1].ToArray<float>());
    }

    [Fact]
    public void FLTrust_OfAStatistic_TakesTheMeanByTrust()
    {
        // g₀ = 1; the clients' g are 1 (trust 1), 2 (trust 1) and −1 (trust 0): (3 + 5) / 2 = 4, and w + (1 + 1) / 2.
        var model = new Parameters(TestKit.Floats(0), NdArray.From(9L));
        var aggregation = new FLTrust { TrainOnServer = (_, _) => [TestKit.Floats(1), NdArray.From(9L)] }.AggregateFit(new(1, model, [], default));
        foreach (var (place, g, counter) in new[] { (0, 1f, 3L), (1, 2f, 5L), (2, -1f, 1000L) }) aggregation.Add(place, TestKit.Fit(1, TestKit.Floats(g), NdArray.From(counter)));
        var next = aggregation.Complete([])!.Parameters;
        Assert.Equal([1f], next.Arrays[0].ToArray<float>());
        Assert.Equal([4L], next.Arrays[1].ToArray<long>());
    }

    [Fact]
    public async Task Variance_ThatIsNegative_IsRefused()
    {
        var model = Recording.NewModel();
        var arrays = model.Parameters().ToArrays();
        LambdaClient Client(float variance) => new()
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput([.. parameters.Take(5), TestKit.Floats(variance, 1, 1, 1), .. parameters.Skip(6)], 1)),
        };
        var history = await FederatedSimulation.RunAsync(
            [Client(3), Client(-9)], new(1), new FedAvg { InitialParameters = Parameters.Of(model), FractionEvaluate = 0 }, new() { LoggerFactory = new LogRecorder() }, Token).Bounded();
        var failure = Assert.Single(history.FitFailures).Value;
        Assert.Equal((FailureReason.Negative, "tensor 5, a variance, holds -9, expected at least 0"), (failure.Reason, failure.Message));
        Assert.Equal([3f, 1, 1, 1], history.FinalParameters.Arrays[5].ToArray<float>());
        Assert.Equal(arrays.Length, history.FinalParameters.Count);
    }

    [Fact]
    public void Schema_OfAModule_KnowsParametersAndBuffers()
    {
        Assert.Equal(
            ["weight Trainable", "bias Trainable", "weight Trainable", "bias Trainable", "running_mean Statistic", "running_var Variance", "weight Trainable", "bias Trainable"],
            ParameterSchema.Of(Recording.NewModel()).Select(parameter => $"{parameter.Name!.Split('.')[^1]} {parameter.Role}"));
        Assert.Equal(4, ParameterSchema.Of(Recording.NewModel(), LocalParameters.BatchNorm).Count);
        Assert.Equal(8, Parameters.Of(Recording.NewModel()).Schema!.Count);
    }

    public static TheoryData<string, NdArray[], string[]?, string> Guesses => new()
    {
        { "linear layers", [F(4, 2), F(4), F(2, 4), F(2)], null, "TTTT" },
        { "whole numbers and bools", [F(4), NdArray.From(1L), NdArray.From(true), NdArray.From((byte)1)], null, "TSSS" },
        { "batch norm of PyTorch", [F(4, 2), F(4), F(4), F(4), F(4), NdArray.From([5L], [])], null, "TTTSVS" },
        { "batch norm of PyTorch without scale and shift", [F(4, 2), F(4), F(4), NdArray.From([5L], [])], null, "TSVS" },
        { "batch norm without a counter", [F(4, 2), F(4), Ones(4), F(4), F(4), Ones(4), F(3, 4)], null, "TTTTSST" },
        { "two layer norms in a row", [Ones(4), F(4), Ones(4), F(4)], null, "TTTT" },
        { "names", [F(4), F(4), F(4), NdArray.From(1L)], ["bn.moving_mean", "bn.moving_variance", "scale", "bn.num_batches_tracked"], "SVTS" },
        { "names that say otherwise", [Ones(4), F(4), F(4), Ones(4)], ["a", "b", "c", "d"], "TTTT" },
        { "nothing", [], null, "" },
    };

    [Theory, MemberData(nameof(Guesses))]
    public void Guess_OfArrays_FollowsTheRule(string what, NdArray[] arrays, string[]? names, string expected) =>
        Assert.Equal($"{what}: {expected}", $"{what}: {string.Concat(ParameterSchema.Guess(arrays, names).Select(parameter => parameter.Role.ToString()[0]))}");

    [Fact]
    public async Task Schema_OfAnotherModel_IsRefused()
    {
        var strategy = new FedAdam { Schema = ParameterSchema.Guess([F(3)]), InitialParameters = new(F(4)) };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(1, 1)], new(1), strategy, new() { LoggerFactory = new LogRecorder() }, Token).Bounded());
        Assert.Equal("[server] the schema does not fit the initial parameters: array 0 is ? (3,) float32 Trainable in the schema, (4,) float32 in the model", error.Message);
    }

    [Theory]
    [InlineData("0,x", "")]
    [InlineData("7", "")]
    [InlineData("-1", "")]
    [InlineData("", "99999999999999999999")]
    public void Told_OfNoIndices_IsNothing(string statistics, string variances) => Assert.Null(ParameterSchema.Told([F(1), F(1)], statistics, variances));

    private static NdArray F(params int[] shape) => NdArray.Zeros([.. shape]);

    private static NdArray Ones(int count) => TestKit.Floats([.. Enumerable.Repeat(1f, count)]);

    /// <summary>A ready client that remembers what it sent last.</summary>
    private sealed class Recording : ArrayClient
    {
        private readonly ModuleClient inner;

        public Recording(int seed)
        {
            var random = new Random(seed);
            var points = Enumerable.Range(0, 128).Select(_ => (float)(random.NextDouble() * 4 - 2 + 3 * seed)).ToArray();
            var labels = Enumerable.Range(0, 64).Select(i => points[2 * i] > points[2 * i + 1] ? 1 : 0).ToArray();
            inner = new(
                NewModel(), new Sgd(0.2), (p, y) => Losses.CrossEntropy(p, y), new Dataset(NdArray.From(points, [64, 2]), NdArray.From(labels)), null,
                new() { BatchSize = 16, LocalEpochs = 1 + seed, Key = RandomKey.FromSeed((ulong)seed) });
        }

        public IReadOnlyList<NdArray>? Last { get; private set; }

        public static Sequential NewModel()
        {
            var (first, second) = RandomKey.FromSeed(3).Split();
            return new Sequential(new Linear(2, 4, first), new BatchNorm(4), new Relu(), new Linear(4, 2, second));
        }

        public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            inner.GetPropertiesAsync(config, cancellation);

        public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            inner.GetParametersAsync(config, cancellation);

        public override async ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            var output = await inner.FitAsync(parameters, config, cancellation);
            Last = output.Parameters;
            return output;
        }
    }
}
