using ManagedFed.Federation;
using ManagedFed.Federation.Data;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Samples.Mnist;

/// <summary>A client that trains on one part of the images: 80 % of it to learn from, 20 % to judge the global model by.</summary>
internal sealed class Client : SyncArrayClient
{
    private readonly Settings settings;
    private readonly Learner learner;
    private readonly Dataset train, test;
    private readonly RandomKey own;
    private RandomKey key;

    private Client(Settings settings, int node, Dataset images)
    {
        this.settings = settings;
        // All clients draw the same model, whichever the server asks for it, and each its own order of images.
        learner = new Learner(settings, images.Inputs.Shape[1]);
        own = key = RandomKey.FromSeed((ulong)settings.Seed).Fold((uint)node);
        var splits = new Dictionary<string, Table> { ["train"] = Table.Of(images) };
        var data = new FederatedDataset(splits, new() { ["train"] = settings.Partitions }, seed: (ulong)settings.Seed);
        var (learnt, judged) = data.LoadPartition(node).TrainTestSplit(testSize: 0.2, seed: (ulong)settings.Seed);
        (train, test) = (learnt.ToDataset(), judged.ToDataset());
    }

    public static Task RunAsync(Settings settings, int node, CancellationToken cancellation) =>
        FederatedClient.StartAsync(settings.Address, Create(settings, node), new FederatedClientOptions
        {
            LoggerFactory = Log(settings),
            MaxWait = settings.MaxWait,
            RootCertificates = settings.Roots,
            Name = settings.Name,
        }, cancellation);

    /// <summary>Joins a SuperLink instead: the client is the same.</summary>
    /// <param name="settings">Where, and how to train.</param>
    /// <param name="node">Which part of the images.</param>
    /// <param name="key">The file with the private key of a node that is registered; null for a fresh key.</param>
    /// <param name="once">True to leave after one run.</param>
    /// <param name="cancellation">Leaves.</param>
    public static async Task RunNodeAsync(Settings settings, int node, string? key, bool once, CancellationToken cancellation)
    {
        using var identity = key is null ? null : NodeKey.Load(key);
        await FederatedNode.StartAsync(settings.Address, Create(settings, node), new FederatedNodeOptions
        {
            LoggerFactory = Log(settings),
            MaxWait = settings.MaxWait,
            Key = identity,
            RootCertificates = settings.Roots,
            PollInterval = settings.Poll,
            LeaveAfterRun = once,
            Wire = settings.Wire,
            SignContent = settings.SignContent,
        }, cancellation);
    }

    private static ArrayClient Create(Settings settings, int node)
    {
        if (node >= settings.Partitions)
        {
            throw new UserException($"--node-id is {node}, expected 0 to {settings.Partitions - 1} with {settings.Partitions} partitions");
        }
        var client = new Client(settings, node, Images.Load(settings).Train);
        Console.WriteLine($"Part {node} of {settings.Partitions}: {client.train.Count} images to train on, {client.test.Count} to test on");
        return settings.State is null ? client : client.Ready(settings.State);
    }

    /// <summary>The library's client for the same model and images, which remembers what lasts from round to round.</summary>
    private ModuleClient Ready(string file) => new(
        learner.Model, new Sgd(settings.LearningRate), static (logits, labels) => Losses.CrossEntropy(logits, labels), train, test,
        new() { BatchSize = settings.BatchSize, LocalEpochs = settings.LocalEpochs, Key = own, StateFile = file, LoggerFactory = Log(settings) });

    private static ConsoleLog Log(Settings settings) => new(Console.Out, settings.Quiet ? LogLevel.Warning : LogLevel.Information);

    public override MetricNames? RecordNames => MetricNames.Flower;

    public override IReadOnlyList<NdArray> GetParameters() => learner.Model.Parameters().ToArrays();

    public override void SetParameters(IReadOnlyList<NdArray> arrays) => learner.Model.Update(learner.Model.Parameters().WithArrays(arrays));

    public override FitReport Fit(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var loss = 0.0;
        // A server that keeps its run may ask again for a round, and is to get the same answer.
        if (config.TryGetValue(RunKeys.Round, out var round)) key = own.Fold((uint)round.AsInt64());
        if (config.TryGetValue(RunKeys.Update, out var update)) key = key.Fold((uint)update.AsInt64());
        for (var epoch = 0; epoch < settings.LocalEpochs; epoch++)
        {
            (key, var epochKey) = key.Split();
            loss = learner.Train(train, epochKey, cancellation);
        }
        return new(train.Count, new Dictionary<string, Scalar> { ["loss"] = loss });
    }

    public override EvaluateOutput Evaluate(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var (loss, accuracy) = learner.Evaluate(test);
        return new(loss, test.Count, new Dictionary<string, Scalar> { ["accuracy"] = accuracy });
    }
}
