using System.Runtime.CompilerServices;
using ManagedFed.Federation;
using ManagedFed.Federation.Data;
using ManagedFed.IO;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Quickstart.Tests;

/// <summary>The README's programs compile, run and learn; they run in a folder of their own, so no other test may run meanwhile.</summary>
[Collection("current directory")]
public sealed class ReadmeTests : IDisposable
{
    private readonly string before = Directory.GetCurrentDirectory();
    private readonly ReducedMnist data = new("samples/Mnist/data");

    public ReadmeTests() => Directory.SetCurrentDirectory(data.Root);

    public void Dispose()
    {
        Directory.SetCurrentDirectory(before);
        data.Dispose();
    }

    [Fact]
    public void Training_ReducedData_SavesTheModel()
    {
        Training();

        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"], Npz.Load("model.npz").Keys);
    }

    // Products of uniform numbers vary by 7/144 = 0.049; the model must explain nearly all of it.
    [Fact]
    public void Compiled_ProductsOfTwoNumbers_AreLearnt() => Assert.InRange(Compiled(), 0, 0.001);

    [Fact]
    public async Task Federation_ReducedData_LossFalls()
    {
        var losses = (await Federation()).LossesDistributed;

        Assert.Equal([1, 2, 3], losses.Select(loss => loss.Round));
        Assert.True(losses[2].Value < losses[0].Value, $"loss went from {losses[0].Value} to {losses[2].Value}");
    }

    [Theory]
    [InlineData("private static void Training()")]
    [InlineData("private static double Compiled()")]
    [InlineData("private static async Task<History> Federation()")]
    public void Example_InReadme_IsThisFilesText(string method)
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "README.md"));
        var lines = File.ReadAllLines(ThisFile())
            .SkipWhile(line => line.Trim() != method).Skip(2)
            .TakeWhile(line => line != "    }" && !line.StartsWith("        return ", StringComparison.Ordinal))
            .Select(line => line.Length == 0 ? line : line[8..]);

        Assert.Contains($"```csharp\n{string.Join('\n', lines)}\n```", readme.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    private static void Training()
    {
        var (train, _) = Mnist.Load("samples/Mnist/data");
        Tensor images = train.Inputs, labels = train.Labels;
        var keys = RandomKey.FromSeed(0).Split(3);
        var model = new Sequential(new Linear(784, 32, keys[0]), new Relu(), new Linear(32, 10, keys[1]));
        var optimizer = new Sgd(learningRate: 0.1);
        var step = ValueAndGrad(model, (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        foreach (var indices in Batches.Shuffled(train.Count, batchSize: 256, keys[2]))
        {
            var batch = Tensor.From<int>(indices);
            var (loss, gradients) = step(images[batch], labels[batch]);
            optimizer.Update(model, gradients);
            Tensor.Eval([loss, .. model.Parameters().Values]);
        }
        model.SaveWeights("model.npz");
    }

    private static double Compiled()
    {
        var keys = RandomKey.FromSeed(0).Split(3);
        var model = new Sequential(new Linear(2, 16, keys[0]), new Relu(), new Linear(16, 10, keys[1]));
        var step = CompileStep(model, new Adam(learningRate: 0.01), (x, y) => Losses.Mse(model.Forward(x).Mean(1), y));
        var x = Tensor.RandomUniform(keys[2], [256, 2]);
        var y = x.Prod(1);
        var loss = 0.0;
        for (var i = 0; i < 500; i++) loss = step.Invoke(x, y);
        return loss;
    }

    private static async Task<History> Federation()
    {
        var mnist = new FederatedDataset(new IdxSource("samples/Mnist/data"), new() { ["train"] = 3 });
        var history = await FederatedSimulation.RunAsync(
            [Client(0), Client(1)], new ServerConfig(NumRounds: 3), new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage });
        Console.WriteLine(history);

        ArrayClient Client(int node)
        {
            var (learn, judge) = mnist.LoadPartition(node).TrainTestSplit(testSize: 0.2, seed: 42);
            var keys = RandomKey.FromSeed(0).Split(2);
            var model = new Sequential(new Linear(784, 32, keys[0]), new Relu(), new Linear(32, 10, keys[1]));
            return new ModuleClient(
                model, new Sgd(learningRate: 0.1), (logits, labels) => Losses.CrossEntropy(logits, labels), learn.ToDataset(), judge.ToDataset());
        }
        return history;
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}

/// <summary>Runs alone.</summary>
[CollectionDefinition("current directory", DisableParallelization = true)]
public sealed class CurrentDirectoryCollection;
