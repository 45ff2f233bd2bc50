using System.Globalization;
using ManagedFed.Federation;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Samples.Mnist;

/// <summary>The server: federated averaging or training without rounds, the test images as a measure of its own, and the final model in a file.</summary>
internal static class Server
{
    /// <param name="settings">The program's numbers.</param>
    /// <param name="onListening">Told the address once clients can join.</param>
    /// <param name="cancellation">Ends the run.</param>
    public static async Task RunAsync(Settings settings, Action<string> onListening, CancellationToken cancellation)
    {
        settings.CheckOutputs();
        var test = Images.Load(settings).Test;
        var learner = new Learner(settings, test.Inputs.Shape[1]);
        CentralEvaluation Evaluate(int round, IReadOnlyList<NdArray> parameters)
        {
            learner.Model.Update(learner.Model.Parameters().WithArrays(parameters));
            var (loss, accuracy) = learner.Evaluate(test);
            return new CentralEvaluation(loss, new Dictionary<string, Scalar> { ["accuracy"] = accuracy });
        }
        Strategy strategy = settings.Strategy switch
        {
            "fedadam" => Configured<FedAdam>(settings, Evaluate),
            "scaffold" => Configured<Scaffold>(settings, Evaluate),
            "fedbuff" => WithoutRounds<FedBuff>(settings, Evaluate),
            "fedasync" => WithoutRounds<FedAsync>(settings, Evaluate),
            _ => Configured<FedAvg>(settings, Evaluate),
        };
        var options = new FederatedServerOptions
        {
            LoggerFactory = new ConsoleLog(Console.Out, LogLevel.Information),
            Seed = settings.Seed,
            RunStore = settings.Run is { } folder ? RunStore.Folder(folder) : null,
            Checkpoint = settings.Checkpoint,
            ReturnTimeout = settings.ReturnTimeout,
            OnListening = onListening,
            Fleet = settings.Fleet,
            Certificate = settings.Certificate,
        };
        var history = await FederatedServer.StartAsync(
            settings.Address, new ServerConfig(settings.Rounds, settings.Timeout), strategy, options, cancellation);

        Print(history);
        learner.Model.Update(learner.Model.Parameters().WithArrays(history.FinalParameters.Arrays));
        learner.Model.SaveWeights(settings.Output);
        if (settings.Json is { } json) history.WriteJson(json);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Final model: accuracy {learner.Evaluate(test).Accuracy:0.0000} on {test.Count} test images, written to {settings.Output}"));
    }

    private static T Configured<T>(Settings settings, Func<int, IReadOnlyList<NdArray>, CentralEvaluation> evaluate) where T : Strategy, new() => new()
    {
        MinFitClients = settings.Clients,
        MinEvaluateClients = settings.Clients,
        MinAvailableClients = settings.Clients,
        FitMetricsAggregation = Metrics.WeightedAverage,
        EvaluateMetricsAggregation = Metrics.WeightedAverage,
        EvaluateFunction = evaluate,
    };

    /// <summary>The same for training without rounds; a run that is kept counts updates in order, so that it goes on to the same bits.</summary>
    private static T WithoutRounds<T>(Settings settings, Func<int, IReadOnlyList<NdArray>, CentralEvaluation> evaluate) where T : AsyncStrategy, new() => new()
    {
        Ordered = settings.Run is not null,
        MinAvailableClients = settings.Clients,
        FitMetricsAggregation = Metrics.WeightedAverage,
        EvaluateMetricsAggregation = Metrics.WeightedAverage,
        EvaluateFunction = evaluate,
    };

    private static void Print(History history)
    {
        var clients = history.LossesDistributed.ToDictionary(loss => loss.Round, loss => loss.Value);
        var clientAccuracies = Accuracies(history.MetricsDistributed);
        var accuracies = Accuracies(history.MetricsCentralized);
        Console.WriteLine();
        Console.WriteLine("         on the clients' test images   on the server's test images");
        Console.WriteLine("round        loss        accuracy          loss        accuracy");
        foreach (var (round, loss) in history.LossesCentralized)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{round,5}{Cell(clients, round),12}{Cell(clientAccuracies, round),16}{loss,14:0.0000}{Cell(accuracies, round),16}"));
        }
        Console.WriteLine();

        static Dictionary<int, double> Accuracies(IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> metrics) =>
            metrics.TryGetValue("accuracy", out var values) ? values.ToDictionary(value => value.Round, value => value.Value.AsDouble()) : [];

        static string Cell(Dictionary<int, double> values, int round) =>
            values.TryGetValue(round, out var value) ? value.ToString("0.0000", CultureInfo.InvariantCulture) : "-";
    }
}
