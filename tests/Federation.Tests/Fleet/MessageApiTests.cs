using System.Collections.Concurrent;
using ManagedFed.Nn;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Rounds with apps over records, as Flower's quickstarts are, beside nodes and clients of the older interface.</summary>
public sealed class MessageApiTests
{
    private static readonly string[] Names = ["fc.weight", "fc.bias"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>2, 4 and 1 examples with steps 1, 3 and 9: 23/7 a round; the losses are the models' values.</summary>
    [Theory]
    [InlineData(FleetInterface.Auto, 3, 0)]
    [InlineData(FleetInterface.MessageApi, 3, 0)]
    [InlineData(FleetInterface.Auto, 1, 1)]
    [InlineData(FleetInterface.Auto, 0, 2)]
    [InlineData(FleetInterface.MessageApi, 2, 1)]
    public async Task Rounds_OfApps_TrainAsClientsDo(FleetInterface spoken, int apps, int nodes)
    {
        (float Step, long Examples)[] all = [(1, 2), (3, 4), (9, 1)];
        var made = all[..apps].Select(one => new App(one.Step, one.Examples)).ToArray();
        var (history, log) = await Train(
            Strategy(), spoken, [.. made], [.. all[apps..(apps + nodes)].Select(one => Client(one.Step, one.Examples))], [.. all[(apps + nodes)..].Select(one => Client(one.Step, one.Examples))]);

        Assert.Equal(3 * 23 / 7.0, history.FinalParameters.Arrays[0].ToArray<float>()[0], 1e-5);
        Assert.Equal([23 / 7.0, 2 * 23 / 7.0, 3 * 23 / 7.0], history.LossesDistributed.Select(loss => Math.Round(loss.Value, 5)), (a, b) => Math.Abs(a - b) < 1e-4);
        Assert.Empty(log.WithId(302));
        // By the names of the schema, in rounds from 1, with the config of the strategy.
        Assert.All(made, app => Assert.Equal([1L, 2L, 3L], app.Rounds));
        Assert.All(made, app => Assert.All(app.Arrays, names => Assert.Equal(Names, names)));
        Assert.All(made, app => Assert.All(app.Rates, rate => Assert.Equal(0.5, rate)));
        Assert.Equal(Names, history.FinalParameters.Schema!.Select(array => array.Name));
    }

    [Fact]
    public async Task Metrics_ThatAppsReport_AreCombinedUnderTheirNames()
    {
        var (history, _) = await Train(
            Strategy(), FleetInterface.Auto, [new App(1, 2), new App(3, 4), new App(9, 1)], [], []);
        var fit = history.Report(3).MetricsDistributedFit;
        Assert.Equal(((2 * 1) + (4 * 3) + (1 * 9)) / 7.0, fit["step"].AsDouble(), 1e-9);
        Assert.Contains("eval_loss", history.Report(3).MetricsDistributed.Keys);
    }

    /// <summary>Nobody gives the model: it comes from an app that answers the question for it, with its names.</summary>
    [Theory]
    [InlineData(FleetInterface.Auto)]
    [InlineData(FleetInterface.MessageApi)]
    public async Task InitialParameters_ComeFromAnApp(FleetInterface spoken)
    {
        var strategy = new FedAvg { MinFitClients = 2, MinEvaluateClients = 2, MinAvailableClients = 2 };
        var (history, log) = await Train(strategy, spoken, [new App(1, 1) { Initial = 7 }, new App(1, 1) { Initial = 7 }], [], []);
        Assert.Equal(10f, history.FinalParameters.Arrays[0].ToArray<float>()[0]);
        Assert.Equal(Names, history.FinalParameters.Schema!.Select(array => array.Name));
        Assert.Empty(log.WithId(302));
    }

    [Fact]
    public async Task Evaluation_WithoutALoss_GivesMetricsAlone()
    {
        var (history, log) = await Train(Strategy(), FleetInterface.Auto, [new App(1, 2) { Loss = "perplexity" }, new App(3, 4) { Loss = "perplexity" }, new App(9, 1) { Loss = "perplexity" }], [], []);
        Assert.Empty(history.LossesDistributed);
        Assert.Equal(3, history.MetricsDistributed["perplexity"].Count);
        Assert.Contains("no loss over the clients, perplexity 3.28571", log.WithId(330)[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("renamed", "no array 'fc.bias', only [fc.weight, other]")]
    [InlineData("two", "has 2 of ArrayRecord")]
    [InlineData("uncounted", "no single number 'num-examples'")]
    [InlineData("throws", "as Legacy: error 2, the client app raised an exception")]
    public async Task App_ThatAnswersOtherwise_IsAFailureWithItsReason(string how, string reason)
    {
        var strategy = new FedAvg
        {
            MinFitClients = 3,
            MinEvaluateClients = 3,
            MinAvailableClients = 3,
            FractionEvaluate = 0,
            InitialParameters = Model(),
        };
        var (history, _) = await Train(strategy, FleetInterface.Auto, [new App(1, 2), new App(3, 4), new App(9, 1) { How = how }], [], []);
        Assert.Equal(3, history.FitFailures.Count);
        Assert.All(history.FitFailures, failure => Assert.Contains(reason, failure.Value.Message, StringComparison.Ordinal));
        Assert.Equal(3 * 14 / 6.0, history.FinalParameters.Arrays[0].ToArray<float>()[0], 1e-5);
    }

    /// <summary>Arrays in another order go to their places by name.</summary>
    [Fact]
    public async Task Arrays_InAnotherOrder_AreTakenByName()
    {
        var (history, log) = await Train(
            Strategy(), FleetInterface.Auto, [new App(1, 2), new App(3, 4) { How = "reversed" }, new App(9, 1)], [], []);
        Assert.Equal(3 * 23 / 7.0, history.FinalParameters.Arrays[0].ToArray<float>()[0], 1e-5);
        Assert.Equal([2], history.FinalParameters.Arrays[1].Shape.ToArray());
        Assert.Empty(log.WithId(302));
    }

    private static Parameters Model() => new([TestKit.Floats(0), TestKit.Floats(0, 0)])
    {
        Schema = new([.. Names.Select((name, i) => new ParameterSpec(name, [i + 1], DType.Float32, ParameterRole.Trainable))]),
    };

    private static FedAvg Strategy() => new()
    {
        MinFitClients = 3,
        MinEvaluateClients = 3,
        MinAvailableClients = 3,
        InitialParameters = Model(),
        OnFitConfig = _ => new Dictionary<string, Scalar> { ["rate"] = 0.5 },
        FitMetricsAggregation = Metrics.WeightedAverage,
        EvaluateMetricsAggregation = Metrics.WeightedAverage,
    };

    private static LambdaClient Client(float step, long examples) => new()
    {
        Fit = (parameters, _, _) => Task.FromResult(new FitOutput([TestKit.Floats(parameters[0].ToArray<float>()[0] + step), parameters[1]], examples)),
        Evaluate = (parameters, _) => new(parameters[0].ToArray<float>()[0], examples),
    };

    private static async Task<(History History, LogRecorder Log)> Train(
        Strategy strategy, FleetInterface spoken, App[] apps, LambdaClient[] nodes, LambdaClient[] clients)
    {
        var fleet = new TaskCompletionSource<string>();
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(3), strategy, new() { LoggerFactory = log, Seed = 1, Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult, Interface = spoken } });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        FederatedNodeOptions quick = new() { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero, MaxErrors = int.MaxValue };
        var address = await fleet.Task.Bounded();
        Task[] joined = [.. apps.Select(app => FederatedNode.StartAsync(address, app, quick, over.Token)), .. nodes.Select(node => FederatedNode.StartAsync(address, node, quick, over.Token))];
        var streams = clients.Select(client => FederatedClient.StartAsync(server.Address, client, cancellation: Token)).ToArray();

        var history = await server.History.Bounded();
        await Task.WhenAll(streams).Bounded();
        await over.CancelAsync();
        await Task.WhenAll(joined).Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return (history, log);
    }

    /// <summary>An app as Flower's quickstarts write it: it knows the records by name and nothing of the older interface.</summary>
    private sealed class App(float step, long examples) : IRecordClient
    {
        public ConcurrentQueue<long> Rounds { get; } = [];

        public ConcurrentQueue<string[]> Arrays { get; } = [];

        public ConcurrentQueue<double> Rates { get; } = [];

        public float? Initial { get; init; }

        public string Loss { get; init; } = "eval_loss";

        public string How { get; init; } = "";

        public ValueTask<RecordDict> TrainAsync(RecordRequest request, CancellationToken cancellation)
        {
            var arrays = request.Content.Get<ArrayRecord>("arrays");
            if (How == "throws") throw new TimeZoneNotFoundException();
            var config = request.Content.Get<ConfigRecord>("config");
            Rounds.Enqueue(config["server-round"].Scalar.AsInt64());
            if (config.TryGetValue("rate", out var rate)) Rates.Enqueue(rate.Scalar.AsDouble());
            Arrays.Enqueue([.. arrays.Keys]);
            RecordArray weight = TestKit.Floats(arrays["fc.weight"].Array.ToArray<float>()[0] + step), bias = arrays["fc.bias"];
            var model = How == "reversed" ? new ArrayRecord(("fc.bias", bias), ("fc.weight", weight)) : new ArrayRecord(("fc.weight", weight), (How == "renamed" ? "other" : "fc.bias", bias));
            var metrics = new MetricRecord((How == "uncounted" ? "count" : "num-examples", examples), ("step", (double)step));
            return new(How == "two" ? new RecordDict(("arrays", model), ("more", model), ("metrics", metrics)) : new(("arrays", model), ("metrics", metrics)));
        }

        public ValueTask<RecordDict> EvaluateAsync(RecordRequest request, CancellationToken cancellation)
        {
            var value = request.Content.Get<ArrayRecord>("arrays")["fc.weight"].Array.ToArray<float>()[0];
            return new(new RecordDict(("metrics", new MetricRecord((Loss, (double)value), ("num-examples", examples)))));
        }

        public ValueTask<RecordDict> QueryAsync(RecordRequest request, CancellationToken cancellation) =>
            Initial is { } value && request.Action == "initial_parameters"
                ? new(new RecordDict(("arrays", new ArrayRecord(("fc.weight", TestKit.Floats(value)), ("fc.bias", TestKit.Floats(0, 0))))))
                : throw new NotOverriddenException("query");
    }
}
