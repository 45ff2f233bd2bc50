using ManagedFed.Federation;
using ManagedFed.Federation.Data;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using ManagedFed.Samples.Mnist;

namespace ManagedFed.Tests.Browser;

/// <summary>A run with the quickstart's numbers: a server here, a client here over the bidirectional stream, and a tab over HTTP.</summary>
internal static class TabRun
{
    public const double LeastAccuracy = 0.85;

    private const int Seed = 42, Partitions = 3, Rounds = 3;

    /// <summary>The last round's accuracy on the server's test images, and on those of tab and client together.</summary>
    public static async Task<(double Central, double Distributed)> RunAsync(Site site, Chromium chromium, string data, CancellationToken cancellation)
    {
        var (stream, fleet) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var server = FederatedServer.StartAsync("127.0.0.1:0", new ServerConfig(NumRounds: Rounds), Strategy(Mnist.Load(data).Test), new()
        {
            OnListening = stream.SetResult,
            Fleet = new() { Address = null, HttpAddress = "127.0.0.1:0", OnHttpListening = fleet.SetResult, AllowedOrigins = [site.Origin] },
        }, stop.Token);
        var tasks = new List<Task> { server };
        try
        {
            await Task.WhenAny(server, Task.WhenAll(stream.Task, fleet.Task)).WaitAsync(cancellation);
            if (server.IsCompleted) await server;
            tasks.Add(FederatedClient.StartAsync(await stream.Task, Client(1, data), cancellation: stop.Token));
            tasks.Add(chromium.WatchAsync($"{site.Origin}/?start&server=http://{await fleet.Task}&node-id=0&partitions={Partitions}", stop.Token));
            // The server waits for two clients, one of which is the tab; whoever fails ends the wait.
            while (!server.IsCompleted)
            {
                var ended = await Task.WhenAny(tasks);
                await ended;
                tasks.Remove(ended);
            }
            var history = await server;
            if (history.FitFailures.Count + history.EvaluateFailures.Count > 0) throw new InvalidOperationException("a client failed");
            return (Last(history.MetricsCentralized), Last(history.MetricsDistributed));
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static double Last(IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> metrics) =>
        metrics["accuracy"] is [.., { Round: Rounds } last] ? last.Value.AsDouble() : throw new InvalidOperationException("the last round was not evaluated");

    private static FedAvg Strategy(Dataset test)
    {
        var model = Model();
        return new()
        {
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
            EvaluateFunction = (_, parameters) =>
            {
                model.Update(model.Parameters().WithArrays(parameters));
                Tensor labels = test.Labels;
                var logits = model.Forward(test.Inputs);
                var accuracy = (logits.ArgMax() == labels).AsType(DType.Float32).Mean().Item<float>();
                var loss = Losses.CrossEntropy(logits, labels, reduction: Reduction.Mean).Item<float>();
                return new(loss, new Dictionary<string, Scalar> { ["accuracy"] = accuracy });
            },
        };
    }

    private static ModuleClient Client(int node, string data)
    {
        var part = new FederatedDataset(new IdxSource(data), new() { ["train"] = Partitions }).LoadPartition(node);
        var (learnt, judged) = part.TrainTestSplit(testSize: 0.2, seed: Seed);
        return new(
            Model(), new Sgd(learningRate: 0.1), (logits, labels) => Losses.CrossEntropy(logits, labels), learnt.ToDataset(), judged.ToDataset(),
            new() { Key = RandomKey.FromSeed(Seed).Fold((uint)node) });
    }

    private static Mlp Model() => new(784, hiddenDim: 32, hiddenLayers: 2, classes: 10, RandomKey.FromSeed(Seed));
}
