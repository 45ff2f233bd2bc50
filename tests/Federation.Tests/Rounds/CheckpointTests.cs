using ManagedFed.IO;
using ManagedFed.Nn;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ManagedFed.Federation.Tests.Rounds;

/// <summary>Models that a run leaves for others: which rounds', under which names, and what becomes of old ones.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("checkpoints").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private IEnumerable<string> Files => Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Run_WritesEverySecondRoundAndTheLast_AndKeepsTheNewest()
    {
        // Of another run, and of nobody's.
        File.WriteAllText(Path.Combine(folder, "round-000100.safetensors"), "");
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "");
        await RunAsync(7, new(2, folder) { Keep = 2 });

        Assert.Equal(["notes.txt", "round-000006.safetensors", "round-000007.safetensors", "round-000100.safetensors"], Files);
        var file = Safetensors.Load(Path.Combine(folder, "round-000006.safetensors"));
        // Steps of 1 and 3.
        Assert.Equal([12f], Assert.Single(file.Arrays, entry => entry.Key == "0").Value.ToArray<float>());
        Assert.Equal("6", file.Metadata["round"]);
        Assert.NotEmpty(file.Metadata["run_id"]);
    }

    [Fact]
    public async Task Run_ThatIsStopped_WritesItsLastRound()
    {
        await RunAsync(9, new(100, Path.Combine(folder, "model-{round}.st")), StopWhen.LossReaches(double.PositiveInfinity));
        Assert.Equal(["model-000001.st"], Files);
    }

    [Fact]
    public async Task Run_WithoutRounds_WritesItsSteps()
    {
        await FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1, 1)], new(4), new FedAsync { MinAvailableClients = 1, FractionEvaluate = 0 },
            Options(new(2, folder)), Token).Bounded();
        Assert.Equal(["round-000002.safetensors", "round-000004.safetensors"], Files);
    }

    /// <summary>Where the names are known a model takes the file as its own.</summary>
    [Fact]
    public async Task File_OfNamedParameters_IsLoadedByTheModel()
    {
        var model = new Linear(2, 3, RandomKey.FromSeed(1));
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput([.. parameters.Select(array => NdArray.From([.. Enumerable.Repeat(0.25f, (int)array.Count)], array.Shape))], 1)),
        };
        await FederatedSimulation.RunAsync(
            [client, client], new(1), new FedAvg { InitialParameters = Parameters.Of(model), FractionEvaluate = 0 }, Options(new(1, folder)), Token).Bounded();

        model.LoadWeights(Path.Combine(folder, "round-000001.safetensors"));
        Assert.All(model.Parameters().Values, parameter => Assert.All(parameter.ToArray<float>(), value => Assert.Equal(0.25f, value)));
    }

    [Fact]
    public async Task File_ThatCannotBeWritten_IsToldAndTheRunGoesOn()
    {
        using var log = new LogRecorder();
        var taken = Path.Combine(folder, "taken");
        File.WriteAllText(taken, "");
        var history = await FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 1)], new(2), new FedAvg(), Options(new(1, taken)) with { LoggerFactory = log }, Token).Bounded();

        Assert.Equal(4f, history.Value());
        Assert.Equal(2, log.WithId(321).Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{round}/model")]
    [InlineData("{round}-{round}")]
    public void Path_ThatIsNone_IsRefused(string path) => Assert.Throws<ArgumentException>(() => new CheckpointEvery(1, path));

    private static Task<History> RunAsync(int rounds, CheckpointEvery checkpoint, Func<History, bool>? stop = null) => FederatedSimulation.RunAsync(
        [LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 1)], new(rounds), new FedAvg(), Options(checkpoint) with { StopWhen = stop }, Token).Bounded();

    private static SimulationOptions Options(CheckpointEvery checkpoint) => new() { LoggerFactory = NullLoggerFactory.Instance, Checkpoint = checkpoint };
}
