// What an app with a client on board does, compiled ahead of time: train, federate in memory, save, load and export.
using ManagedFed;
using ManagedFed.Federation;
using ManagedFed.IO;
using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

var clients = Enumerable.Range(0, 2).Select(i => new SmokeClient(RandomKey.FromSeed((ulong)i))).ToArray();
var history = await FederatedSimulation.RunAsync(
    clients, new ServerConfig(NumRounds: 3), new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage },
    new SimulationOptions { ThroughCodec = true, Seed = 1 });
var losses = history.LossesDistributed;
Require(losses.Count == 3 && losses[2].Value < losses[0].Value, $"losses do not fall: {string.Join(", ", losses)}");

var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".npz");
try
{
    var model = clients[0].Model;
    model.SaveWeights(path);
    var read = Npz.Load(path);
    Require(read.Keys.SequenceEqual(model.Parameters().Keys), "other names in the file than in the model");
    var pairs = model.Parameters().ToArrays().Zip(read.Values);
    Require(pairs.All(pair => pair.First.ToArray<float>().SequenceEqual(pair.Second.ToArray<float>())), "other values in the file");

    // Four bytes for each of 8·16 + 16 + 16·2 + 2 parameters, and the nodes.
    Onnx.Export(model, Tensor.Zeros([4, 8]), path);
    Require(new FileInfo(path).Length is > 712 and < 2000, $"an exported model of {new FileInfo(path).Length} bytes");
}
finally
{
    File.Delete(path);
}
using var json = new MemoryStream();
history.WriteJson(json);
Require(json.Length > 0, "no history");
Console.WriteLine("OK");
return 0;

static void Require(bool condition, string message)
{
    if (!condition) throw new InvalidOperationException(message);
}

/// <summary>Learns the sign of the sum of eight numbers.</summary>
internal sealed class SmokeClient : ArrayClient
{
    private readonly Tensor x, y;
    private readonly Adam optimizer = new(0.01);

    public SmokeClient(RandomKey key)
    {
        var (modelKey, dataKey) = key.Split();
        var keys = modelKey.Split(2);
        Model = new Sequential(new Linear(8, 16, keys[0]), new Relu(), new Linear(16, 2, keys[1]));
        x = Tensor.RandomNormal(dataKey, [128, 8]).Eval();
        y = (x.Sum(1) > 0).AsType(DType.Int32).Eval();
    }

    public Sequential Model { get; }

    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(Model.Parameters().ToArrays());

    public override ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        Model.Update(Model.Parameters().WithArrays(parameters));
        var step = ValueAndGrad(Model, Loss);
        for (var i = 0; i < 10; i++)
        {
            var (_, gradients) = step(x, y);
            optimizer.Update(Model, gradients);
            Tensor.Eval(Model.Parameters().Values);
        }
        return new(new FitOutput(Model.Parameters().ToArrays(), x.Shape[0]));
    }

    public override ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        Model.Update(Model.Parameters().WithArrays(parameters));
        return new(new EvaluateOutput(Loss(x, y).Item<float>(), x.Shape[0]));
    }

    private Tensor Loss(Tensor inputs, Tensor targets) => Losses.CrossEntropy(Model.Forward(inputs), targets, reduction: Reduction.Mean);
}
