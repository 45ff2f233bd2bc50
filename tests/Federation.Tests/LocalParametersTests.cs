using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Parameters that stay on the client: which they are, and that neither wire carries them.</summary>
public sealed class LocalParametersTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void SharedOf_EachKind_LeavesOutItsOwn()
    {
        Assert.Equal(
            ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.1.running_mean", "layers.1.running_var", "layers.2.weight", "layers.2.bias"],
            LocalParameters.None.SharedOf(Model()).Keys);
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"], LocalParameters.BatchNorm.SharedOf(Model()).Keys);
        Assert.Equal(["layers.0.weight", "layers.0.bias"], LocalParameters.Named("layers.1", "layers.2").SharedOf(Model()).Keys);
        Assert.Equal(
            ["layers.0.weight", "layers.1.weight", "layers.1.running_mean", "layers.1.running_var", "layers.2.weight"],
            LocalParameters.Named("bias").SharedOf(Model()).Keys);
        Assert.Equal(["layers.2.weight", "layers.2.bias"], LocalParameters.Where(name => string.CompareOrdinal(name, "layers.2") < 0).SharedOf(Model()).Keys);
    }

    [Fact]
    public void Constructor_OfParametersThatDoNotFit_SaysWhy()
    {
        Assert.Equal(
            "[local_parameters] no parameter is named layers.7; there are weight, bias", Refused(LocalParameters.Named("layers.7"), new Linear(2, 2, Key(0))));
        Assert.Equal("[local_parameters] the model has no BatchNorm layer", Refused(LocalParameters.BatchNorm, new Linear(2, 2, Key(0))));
        Assert.Equal("[local_parameters] all 8 parameters are local; nothing is left to share", Refused(LocalParameters.Where(_ => true), Model()));

        static string Refused(LocalParameters local, Module model) => Assert.Throws<ArgumentException>(() => Client(model, local)).Message;
    }

    [Fact]
    public async Task FitAsync_WithLocalParameters_TakesAndGivesTheOthers()
    {
        var model = Model();
        var client = Client(model, LocalParameters.BatchNorm);
        var given = LocalParameters.BatchNorm.SharedOf(Model(seed: 7)).ToArrays();
        NdArray[] first = [.. (await client.FitAsync(given, Still, Cancellation)).Parameters];

        // At learning rate 0 the shared ones are those given; the running mean has moved a tenth of the way to the batch's, and stays.
        Assert.Equal(given.Select(array => array.ToArray<float>()), first.Select(array => array.ToArray<float>()));
        var mean = Value(model, "layers.1.running_mean");
        Assert.Contains(mean, value => value != 0);
        await client.EvaluateAsync(given, TestKit.NoValues, Cancellation);
        Assert.Equal(mean, Value(model, "layers.1.running_mean"));
    }

    [Fact]
    public async Task FitAsync_OfAWholeModel_NamesTheSharedParameters()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await Client(Model(), LocalParameters.BatchNorm).FitAsync(Model().Parameters().ToArrays(), TestKit.NoValues, Cancellation));
        Assert.Equal("[parameters] 8 arrays given, expected 4: layers.0.weight, layers.0.bias, layers.2.weight, layers.2.bias", error.Message);
    }

    /// <summary>The mean of two outputs has the gradient ½ for each bias, wherever the weights are drawn to.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task FitAsync_WithAProximalTerm_LeavesLocalParametersAlone(double mu)
    {
        var (model, data) = (new Linear(2, 2, Key(0)), new Dataset(NdArray.From<float>([1, 2], [1, 2]), NdArray.From(0)));
        model.Update(new([new("bias", Tensor.From<float>([1, 2]))]), strict: false);
        var client = new ModuleClient(model, new Sgd(0.5), (p, _) => p.Mean(), data, null, new() { LocalEpochs = 4, LocalParameters = LocalParameters.Named("bias") });
        await client.FitAsync([NdArray.Zeros([2, 2])], new Dictionary<string, Scalar> { ["proximal_mu"] = mu }, Cancellation);
        Assert.Equal([0f, 1], Value(model, "bias"));
    }

    [Fact]
    public async Task RunAsync_FedBN_AveragesTheRestAlone()
    {
        Sequential[] models = [Model(seed: 1), Model(seed: 2)];
        var clients = models.Select((model, i) => Client(model, LocalParameters.BatchNorm, scale: 1 + 4 * i));
        var log = new LogRecorder();
        var history = await FederatedSimulation.RunAsync(clients, new(3), new FedAvg(), new() { ThroughCodec = true, LoggerFactory = log }, Cancellation).Bounded();

        Assert.Empty(log.WithId(302));
        Assert.Equal([[4, 2], [4], [2, 4], [2]], history.FinalParameters.Arrays.Select(array => array.Shape));
        Assert.Equal(Value(models[0], "layers.0.weight"), Value(models[1], "layers.0.weight"));
        Assert.NotEqual(Value(models[0], "layers.1.running_var"), Value(models[1], "layers.1.running_var"));
        Assert.NotEqual(Value(models[0], "layers.1.weight"), Value(models[1], "layers.1.weight"));
    }

    [Fact]
    public async Task TrainAsync_OverRecords_TakesAndGivesTheOthers()
    {
        var shared = LocalParameters.BatchNorm.SharedOf(Model(seed: 7));
        var request = new RecordDict(("arrays", new ArrayRecord(shared.Keys.Zip(shared.ToArrays(), (name, array) => (name, (RecordArray)array)))));
        var reply = await new ArrayRecordClient(Client(Model(), LocalParameters.BatchNorm)).TrainAsync(new("default", request, 1, ""), Cancellation);
        Assert.Equal(shared.Keys, reply.Get<ArrayRecord>("arrays").Keys);
    }

    [Fact]
    public async Task TrainingState_OfAClientsModel_KeepsItsLocalParameters()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            var (model, optimizer) = (Model(), new Sgd(0.1));
            var shared = LocalParameters.BatchNorm.SharedOf(model).ToArrays();
            await Client(model, LocalParameters.BatchNorm, optimizer: optimizer).FitAsync(shared, TestKit.NoValues, Cancellation);
            TrainingState.Save(path, model, optimizer);
            var later = Model(seed: 9);
            TrainingState.Load(path, later, new Sgd(0.1));

            var expected = await Client(model, LocalParameters.BatchNorm).EvaluateAsync(shared, TestKit.NoValues, Cancellation);
            var actual = await Client(later, LocalParameters.BatchNorm).EvaluateAsync(shared, TestKit.NoValues, Cancellation);
            Assert.Equal(expected.Loss, actual.Loss);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static readonly IReadOnlyDictionary<string, Scalar> Still = new Dictionary<string, Scalar> { ["lr"] = 0.0 };

    private static RandomKey Key(int seed) => RandomKey.FromSeed((ulong)seed);

    private static Sequential Model(int seed = 0) => new(new Linear(2, 4, Key(seed)), new BatchNorm(4), new Linear(4, 2, Key(seed + 100)));

    private static float[] Value(Module model, string name) => model.Parameters()[name].ToArray<float>();

    private static ModuleClient Client(Module model, LocalParameters local, float scale = 1, Optimizer? optimizer = null)
    {
        var random = new Random(1);
        var points = Enumerable.Range(0, 64).Select(_ => scale * (float)(random.NextDouble() * 2 - 0.5)).ToArray();
        var labels = Enumerable.Range(0, 32).Select(i => points[2 * i] > points[2 * i + 1] ? 1 : 0).ToArray();
        var data = new Dataset(NdArray.From(points, [32, 2]), NdArray.From(labels));
        return new(model, optimizer ?? new Sgd(0.1), (p, y) => Losses.CrossEntropy(p, y), data, data, new() { LocalParameters = local });
    }
}
