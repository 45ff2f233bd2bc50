// What clients and servers do, compiled ahead of time: train, federate in memory and over both wires, save, load and export.
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using ManagedFed;
using ManagedFed.Federation;
using ManagedFed.IO;
using ManagedFed.Nn;

Require(RuntimeInformation.ProcessArchitecture != Architecture.X64 || Avx2.IsSupported, "compiled without AVX2");
var clients = Clients();
var strategy = new FedAvg { InitialParameters = new(clients[0].Model.Parameters().ToArrays()) };
var config = new ServerConfig(NumRounds: 3);
var history = await FederatedSimulation.RunAsync(clients, config, strategy, new SimulationOptions { ThroughCodec = true, Seed = 1 });
var losses = history.LossesDistributed;
Require(losses.Count == 3 && losses[2].Value < losses[0].Value, $"losses do not fall: {string.Join(", ", losses)}");

var network = await Network.RunAsync(config, strategy, Clients());
var models = history.FinalParameters.Arrays.Zip(network.FinalParameters.Arrays);
Require(models.All(pair => pair.First.ToArray<float>().SequenceEqual(pair.Second.ToArray<float>())), "another model over the network than in memory");
Require(network.LossesDistributed.SequenceEqual(losses), "other losses over the network than in memory");

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

static SmokeClient[] Clients() => [.. Enumerable.Range(0, 2).Select(i => new SmokeClient(RandomKey.FromSeed((ulong)i)))];

static void Require(bool condition, string message)
{
    if (!condition) throw new InvalidOperationException(message);
}
