using System.Diagnostics;
using System.Globalization;
using ManagedFed.Federation;
using ManagedFed.IO;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Samples.Mnist;

/// <summary>Very many clients in one process: each is made when it is chosen, and all share a model for each core.</summary>
internal static class Simulate
{
    private const int Measurements = 10;

    public static readonly Settings Defaults = new() { Clients = 1000, Rounds = 100, BatchSize = 10, LearningRate = 0.03f, LocalEpochs = 1 };

    /// <summary>What <c>--strategy</c> may say, the default first.</summary>
    public static readonly IReadOnlyList<string> Strategies = ["fedavg", "fedprox", "fednova", "scaffold", "fedavgm", "fedadam", "fedyogi"];

    public static async Task RunAsync(Settings settings, double fraction, string kind, CancellationToken cancellation)
    {
        if (settings.Json is { } file) AtomicFile.CheckWritable(file);
        var (images, test) = Images.Load(settings);
        if (settings.Clients > images.Count)
        {
            throw new UserException($"--clients is {settings.Clients}, expected at most {images.Count}, the number of images: each client needs one");
        }
        var key = RandomKey.FromSeed((ulong)settings.Seed);
        var mixed = images.Subset(Batches.Permutation(key, images.Count));
        var learner = new Learner(settings, images.Inputs.Shape[1]);
        var clients = VirtualClients.Of(
            () => new Mlp(images.Inputs.Shape[1], settings.HiddenDim, settings.NumLayers, 10, key), () => new Sgd(settings.LearningRate),
            static (logits, labels) => Losses.CrossEntropy(logits, labels), Part,
            options: new() { BatchSize = settings.BatchSize, LocalEpochs = settings.LocalEpochs, Key = key },
            // What clients keep, such as SCAFFOLD's control variates, lasts as long as the run does.
            states: settings.Run is { } folder ? new FolderClientStates(Path.Combine(folder, "clients")) : new MemoryClientStates());
        var every = Math.Max(1, settings.Rounds / Measurements);
        Strategy strategy = kind switch
        {
            "fedavg" => Configured<FedAvg>([]),
            // FedAvg whose clients are told to stay near the model they were given.
            "fedprox" => Configured<FedAvg>(new() { ["proximal_mu"] = 0.1 }),
            "fednova" => Configured<FedNova>([]),
            "scaffold" => Configured<Scaffold>([]),
            "fedavgm" => Configured<FedAvgM>([]),
            "fedadam" => Configured<FedAdam>([]),
            "fedyogi" => Configured<FedYogi>([]),
            _ => throw new UserException($"--strategy is {kind}, expected one of {string.Join(", ", Strategies)}"),
        };
        var start = Stopwatch.GetTimestamp();
        var history = await FederatedSimulation.RunAsync(
            settings.Clients, clients, new ServerConfig(settings.Rounds), strategy,
            new() { Seed = settings.Seed, RunStore = settings.Run is { } store ? RunStore.Folder(store) : null }, cancellation);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        var accuracies = history.MetricsCentralized["accuracy"];
        Console.WriteLine("round        loss        accuracy");
        foreach (var (loss, accuracy) in history.LossesCentralized.Zip(accuracies))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{loss.Round,5}{loss.Value,12:0.0000}{accuracy.Value.AsDouble(),16:0.0000}"));
        }
        var updates = history.Reports.Sum(report => report.Trained.Count);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{settings.Rounds} rounds, {updates} updates of {settings.Clients} clients in {seconds:0.00} s, without reading the images"));
        if (settings.Json is not null) history.WriteJson(settings.Json);

        T Configured<T>(Dictionary<string, Scalar> config) where T : Strategy, new() => new()
        {
            FractionFit = fraction,
            MinFitClients = 1,
            MinAvailableClients = 1,
            FractionEvaluate = 0,
            InitialParameters = Parameters.Of(learner.Model),
            OnFitConfig = _ => config,
            FitMetricsAggregation = Metrics.WeightedAverage,
            EvaluateFunction = (round, parameters) => round % every == 0 || round == settings.Rounds ? Measure(parameters) : null,
        };

        Dataset Part(int client)
        {
            var (first, next) = (Boundary(client), Boundary(client + 1));
            return mixed.Slice(first, next - first);
        }

        int Boundary(int client) => (int)((long)client * images.Count / settings.Clients);

        CentralEvaluation Measure(IReadOnlyList<NdArray> parameters)
        {
            learner.Model.Update(learner.Model.Parameters().WithArrays(parameters));
            var (loss, accuracy) = learner.Evaluate(test);
            return new(loss, new Dictionary<string, Scalar> { ["accuracy"] = accuracy });
        }
    }
}
