using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The ready-made client, called as the server would.</summary>
public sealed class ModuleClientTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // W = ((1, 0), (0, 1)), b = 0: the logits are the inputs. For (2, 0) with class 0 the loss is log(1 + e⁻²), for
    // (0, 2) with class 0 it is log(1 + e²) and the answer is wrong, for (2, 0) again right: 2 of 3.
    [Fact]
    public async Task EvaluateAsync_OfAGivenModel_GivesTheNumbersByHand()
    {
        var data = new Dataset(NdArray.From<float>([2, 0, 0, 2, 2, 0], [3, 2]), NdArray.From(0, 0, 0));
        var client = Client(data, data, new() { BatchSize = 2 });
        var result = await client.EvaluateAsync([NdArray.From<float>([1, 0, 0, 1], [2, 2]), NdArray.Zeros([2])], TestKit.NoValues, Cancellation);
        Assert.Equal((2 * Math.Log(1 + Math.Exp(-2)) + Math.Log(1 + Math.Exp(2))) / 3, result.Loss, 6);
        Assert.Equal(3, result.NumExamples);
        Assert.Equal(2.0 / 3, result.Metrics!["accuracy"].AsDouble());
        Assert.Equal(result.Loss, result.Metrics["loss"].AsDouble());
    }

    [Fact]
    public async Task GetParametersAsync_OfAModel_GivesThemInOrderOfRegistration()
    {
        var model = new Linear(2, 2, Key);
        var arrays = await Client(Halves(8, 0), null, model: model).GetParametersAsync(TestKit.NoValues, Cancellation);
        Assert.Equal([[2, 2], [2]], arrays.Select(array => array.Shape));
        Assert.Equal(model.Weight.Value.ToArray<float>(), arrays[0].ToArray<float>());
    }

    /// <summary>The first step starts at w₀, where FedProx's term has no gradient; the second is drawn back by μ·(w₁ − w₀).</summary>
    [Theory]
    [InlineData("proximal_mu")]
    [InlineData("proximal-mu")]
    public async Task FitAsync_WithAProximalTerm_IsDrawnToTheGlobalModel(string name)
    {
        var data = Halves(32, 0);
        var expected = new Linear(2, 2, Key);
        var start = expected.Parameters();
        var step = ModuleTransforms.ValueAndGrad(expected, (x, y) => Losses.CrossEntropy(expected.Forward(x), y).Mean());
        for (var i = 0; i < 2; i++)
        {
            var gradients = step(data.Inputs, data.Labels).Gradients;
            new Sgd(0.5).Update(expected, gradients.Zip(expected.Parameters().Zip(start, (now, then) => 0.75 * (now - then)), (g, pull) => g + pull));
        }

        var config = new Dictionary<string, Scalar> { ["local_epochs"] = 2, [name] = 0.75 };
        var result = await Client(data, null, optimizer: new Sgd(0.5)).FitAsync(start.ToArrays(), config, Cancellation);
        for (var i = 0; i < 2; i++)
        {
            var (wanted, actual) = (expected.Parameters().ToArrays()[i].ToArray<float>(), result.Parameters[i].ToArray<float>());
            for (var k = 0; k < wanted.Length; k++) Assert.Equal(wanted[k], actual[k], 1e-5f);
        }
    }

    /// <summary>32 examples in batches of 10 and two epochs are 8 steps; with μ·η = 0.5 they add up to (1 − 0.5⁸) / 0.5.</summary>
    [Theory]
    [InlineData(0, 0, 8)]
    [InlineData(1, 0, 1.9921875)]
    [InlineData(0, 0.5, 14.0078125)] // v = 2 − 0.5^(k−1), summed: 2·8 − (1 − 0.5⁸) / 0.5
    public async Task FitAsync_AskedForItsSteps_ReportsThem(double mu, double momentum, double expected)
    {
        var client = Client(Halves(32, 0), null, new() { BatchSize = 10, LocalEpochs = 2 }, optimizer: new Sgd(0.5, momentum));
        var config = new Dictionary<string, Scalar>(new FedNova().ConfigureFit(State())[0].Instructions.Config) { ["proximal_mu"] = mu };
        for (var round = 0; round < 2; round++)
        {
            var result = await client.FitAsync(new Linear(2, 2, Key).Parameters().ToArrays(), config, Cancellation);
            Assert.Equal(expected, result.Metrics!["num_steps"].AsDouble(), 1e-12);
        }
    }

    [Fact]
    public async Task Simulation_OfFedNova_NeedsNothingOfTheUser()
    {
        var log = new LogRecorder();
        var clients = Enumerable.Range(0, 2).Select(i => Client(Halves(400, i), null, new() { BatchSize = 20, LocalEpochs = 1 + 2 * i }));
        var history = await FederatedSimulation.RunAsync(clients, new(2), new FedNova
        {
            FractionEvaluate = 0,
            FitMetricsAggregation = reports => new Dictionary<string, Scalar> { ["steps"] = reports.Sum(report => report.Values["num_steps"].AsDouble()) },
        }, new() { LoggerFactory = log }, Cancellation);
        Assert.Empty(log.WithId(302));
        Assert.Equal([new(1, 80.0), new(2, 80.0)], history.MetricsDistributedFit["steps"]);
    }

    public static TheoryData<string, int, string, double> Configs => new()
    {
        { "nothing", 1, "lr_is_not_sent", 0.5 },
        { "local_epochs", 3, "learning_rate", 0.25 },
        { "local-epochs", 2, "learning-rate", 0.25 },
        { "local-epochs", 2, "lr", 1 },
    };

    /// <summary>One batch holds all data, so that each epoch is one step of descent.</summary>
    [Theory]
    [MemberData(nameof(Configs))]
    public async Task FitAsync_WithAConfig_TakesItsEpochsAndLearningRate(string epochsKey, int epochs, string rateKey, double rate)
    {
        var data = Halves(32, 0);
        var expected = new Linear(2, 2, Key);
        var step = ModuleTransforms.ValueAndGrad(expected, (x, y) => Losses.CrossEntropy(expected.Forward(x), y).Mean());
        for (var i = 0; i < epochs; i++) new Sgd(rate).Update(expected, step(data.Inputs, data.Labels).Gradients);

        var optimizer = new Sgd(0.5);
        var start = new Linear(2, 2, Key).Parameters().ToArrays();
        var config = new Dictionary<string, Scalar> { [epochsKey] = epochs, [rateKey] = rate };
        var result = await Client(data, null, optimizer: optimizer).FitAsync(start, config, Cancellation);

        Assert.Equal(32, result.NumExamples);
        Assert.Equal(0.5, optimizer.LearningRate);
        var trained = expected.Parameters().ToArrays();
        for (var i = 0; i < trained.Length; i++)
        {
            foreach (var (a, b) in trained[i].ToArray<float>().Zip(result.Parameters[i].ToArray<float>())) Assert.Equal(a, b, 5);
        }
        Assert.Equal(["loss", "accuracy"], result.Metrics!.Keys);
    }

    [Fact]
    public async Task FitAsync_Twice_ForgetsMomentumUnlessToldNotTo()
    {
        Assert.True(await Same(reset: true));
        Assert.False(await Same(reset: false));

        async Task<bool> Same(bool reset)
        {
            var start = new Linear(2, 2, Key).Parameters().ToArrays();
            var client = Client(Halves(16, 0), null, new() { BatchSize = 16, ResetOptimizer = reset }, optimizer: new Sgd(0.1, momentum: 0.9));
            var first = await client.FitAsync(start, TestKit.NoValues, Cancellation);
            var second = await client.FitAsync(start, TestKit.NoValues, Cancellation);
            return first.Parameters[1].ToArray<float>().Zip(second.Parameters[1].ToArray<float>(), (a, b) => Math.Abs(a - b)).Max() < 1e-6f;
        }
    }

    [Fact]
    public async Task FitAsync_OfArraysThatDoNotFit_SaysWhich()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await Client(Halves(8, 0), null).FitAsync([NdArray.Zeros([3, 2]), NdArray.Zeros([2])], TestKit.NoValues, Cancellation));
        Assert.Equal("[parameters] wrong: weight (3, 2) float32, expected (2, 2) float32", error.Message);
    }

    [Fact]
    public async Task FitAsync_OfAConfigOutsideItsRange_IsRefused()
    {
        var client = Client(Halves(8, 0), null);
        var arrays = await client.GetParametersAsync(TestKit.NoValues, Cancellation);
        var error = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await client.FitAsync(arrays, new Dictionary<string, Scalar> { ["local_epochs"] = 0 }, Cancellation));
        Assert.Equal("[module_client] local_epochs is 0, expected at least 1", error.Message);
    }

    [Fact]
    public async Task FitAsync_WhenCancelled_Stops()
    {
        using var source = new CancellationTokenSource();
        var client = new ModuleClient(new Linear(2, 2, Key), new Sgd(0.1), (p, y) =>
        {
            source.Cancel();
            return Losses.CrossEntropy(p, y);
        }, Halves(8, 0), null, new() { BatchSize = 1 });
        var arrays = await client.GetParametersAsync(TestKit.NoValues, Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.FitAsync(arrays, TestKit.NoValues, source.Token));
    }

    [Fact]
    public async Task EvaluateAsync_WithoutTestData_IsNotImplemented() =>
        await Assert.ThrowsAsync<NotOverriddenException>(async () => await Client(Halves(8, 0), null).EvaluateAsync([], TestKit.NoValues, Cancellation));

    [Fact]
    public async Task EvaluateAsync_OfARegression_HasNoAccuracy()
    {
        var data = new Dataset(NdArray.From<float>([1, 2], [1, 2]), NdArray.From<float>([3, 5], [1, 2]));
        var client = new ModuleClient(new Linear(2, 2, Key), new Sgd(0.1), (p, y) => Losses.Mse(p, y), data, data);
        var result = await client.EvaluateAsync([NdArray.From<float>([1, 0, 0, 1], [2, 2]), NdArray.Zeros([2])], TestKit.NoValues, Cancellation);
        Assert.Equal((4.0 + 9) / 2, result.Loss);
        Assert.Equal(["loss"], result.Metrics!.Keys);
    }

    [Fact]
    public void Constructor_OfEmptyData_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Client(new Dataset(NdArray.Zeros([0, 2]), NdArray.Zeros([0], DType.Int32)), null));

    [Fact]
    public async Task Simulation_OfTwoClients_LearnsTogether()
    {
        var clients = Enumerable.Range(0, 2).Select(i => Client(
            Halves(400, i), Halves(100, 10 + i), new() { BatchSize = 20, LocalEpochs = 2, Key = RandomKey.FromSeed((ulong)i) }));
        var history = await FederatedSimulation.RunAsync(
            clients, new(3), new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage }, cancellation: Cancellation);
        var accuracy = history.MetricsDistributed["accuracy"];
        Assert.Equal([1, 2, 3], accuracy.Select(entry => entry.Round));
        Assert.True(accuracy[^1].Value.AsDouble() > 0.95, $"accuracy {accuracy[^1].Value}");
        Assert.True(history.LossesDistributed[^1].Value < history.LossesDistributed[0].Value);
    }

    private static RoundState State() => new(1, Parameters.Empty, [new("client", "test")], default);

    private static ModuleClient Client(
        Dataset train, Dataset? test, ModuleClientOptions? options = null, Module? model = null, Optimizer? optimizer = null) =>
        new(model ?? new Linear(2, 2, Key), optimizer ?? new Sgd(0.5), (p, y) => Losses.CrossEntropy(p, y), train, test, options);

    /// <summary>Points in (−1, 1)²; class 1 are those with x₀ + x₁ &gt; 0.</summary>
    private static Dataset Halves(int count, int seed)
    {
        var random = new Random(seed);
        var points = Enumerable.Range(0, 2 * count).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray();
        var labels = Enumerable.Range(0, count).Select(i => points[2 * i] + points[2 * i + 1] > 0 ? 1 : 0).ToArray();
        return new(NdArray.From(points, [count, 2]), NdArray.From(labels));
    }
}
