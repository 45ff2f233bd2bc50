using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Names of metrics are the user's choice, and Flower's in apps over records; replies that differ stop no run.</summary>
public sealed class MetricNamesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OverRecords_ByDefault_TheNamesAreThoseOfFlowersQuickstarts()
    {
        var (train, evaluate) = await Records(new());
        Assert.Equal(["num-examples", "train_loss"], train.Keys);
        Assert.Equal(["num-examples", "eval_loss", "eval_acc"], evaluate.Keys);
    }

    [Fact]
    public async Task OverRecords_WithNames_TheyAreTheUsers()
    {
        var (train, evaluate) = await Records(new() { MetricNames = new() { TrainLoss = "l", TrainAccuracy = "a", EvaluateLoss = null, EvaluateAccuracy = "ea" } });
        Assert.Equal(["num-examples", "l", "a"], train.Keys);
        Assert.Equal(["num-examples", "ea"], evaluate.Keys);
    }

    // A stock client that reports both under one name each, as some quickstarts do, is matched too.
    [Fact]
    public async Task OverRecords_WithPlainNames_NothingElseIsReported()
    {
        var (train, evaluate) = await Records(new() { MetricNames = MetricNames.Plain });
        Assert.Equal(["num-examples", "loss", "accuracy"], train.Keys);
        Assert.Equal(["num-examples", "loss", "accuracy"], evaluate.Keys);
    }

    [Theory]
    [InlineData(false, "num-examples,loss,other", "num-examples,eval_loss,accuracy")]
    [InlineData(true, "num-examples,train_loss,other", "num-examples,eval_loss,eval_acc")]
    public async Task OverRecords_OfAnOwnClient_NamesAreLeftOrTakenFromIt(bool flower, string train, string evaluate)
    {
        var (trained, evaluated) = await RecordsOf(new OwnClient(flower ? MetricNames.Flower : null));
        Assert.Equal(train.Split(','), trained.Keys);
        Assert.Equal(evaluate.Split(','), evaluated.Keys);
    }

    [Fact]
    public async Task OfFitAndEvaluate_TheNamesArePlainOrTheUsers()
    {
        Assert.Equal(["loss", "accuracy"], (await Fit(new())).Metrics!.Keys);
        Assert.Equal(["train_loss"], (await Fit(new() { MetricNames = MetricNames.Flower })).Metrics!.Keys);
    }

    [Theory]
    [InlineData("loss")]
    [InlineData("train_loss")]
    public void QFedAvg_OfEitherName_FindsTheLoss(string name)
    {
        // q = 1, η = 1, w = 0: F = (2, 1), g = (−1, −2): w = (2 + 2) / (1 + 2 + 4 + 1).
        var aggregation = new QFedAvg { Q = 1, LearningRate = 1 }.AggregateFit(TestKit.State(TestKit.Floats(0)));
        for (var k = 0; k < 2; k++) aggregation.Add(k, TestKit.Fit(1, TestKit.Floats(k + 1)) with { Metrics = new Dictionary<string, Scalar> { [name] = 2.0 - k } });
        Assert.Equal([0.5f], aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>());
    }

    [Fact]
    public async Task Metrics_ThatDiffer_StopNoRun()
    {
        var log = new LogRecorder();
        LambdaClient Client(string name, Scalar value) => new()
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput(parameters, 1, new Dictionary<string, Scalar> { [name] = value })),
            Evaluate = (_, _) => new(1, 1, new Dictionary<string, Scalar> { [name] = value }),
        };
        var strategy = new FedAvg
        {
            InitialParameters = new(TestKit.Floats(0)),
            FitMetricsAggregation = reports => new Dictionary<string, Scalar> { ["a"] = reports.Sum(report => report.Values["a"].AsDouble()) },
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
        };
        var history = await FederatedSimulation.RunAsync([Client("a", 1), Client("b", "text")], new(2), strategy, new() { LoggerFactory = log }, Token).Bounded();
        Assert.Equal(2, log.WithId(315).Count);
        Assert.Empty(history.MetricsDistributedFit);
        Assert.Equal([new(1, 1.0), new(2, 1.0)], history.MetricsDistributed["a"]);
    }

    private sealed class OwnClient(MetricNames? names) : ArrayClient
    {
        public override MetricNames? RecordNames => names;

        public override ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(new FitOutput(parameters, 1, new Dictionary<string, Scalar> { ["loss"] = 1.5, ["other"] = 2.0 }));

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(new EvaluateOutput(1.5, 1, new Dictionary<string, Scalar> { ["accuracy"] = 0.5 }));
    }

    private static Task<(MetricRecord Train, MetricRecord Evaluate)> Records(ModuleClientOptions options) => RecordsOf(Client(options));

    private static async Task<(MetricRecord Train, MetricRecord Evaluate)> RecordsOf(ArrayClient own)
    {
        var client = new ArrayRecordClient(own);
        var content = new RecordDict(("arrays", new ArrayRecord([("w", (RecordArray)NdArray.Zeros([2, 2])), ("b", (RecordArray)NdArray.Zeros([2]))])));
        var request = new RecordRequest("default", content, 1, "");
        return ((await client.TrainAsync(request, Token)).Get<MetricRecord>("metrics"), (await client.EvaluateAsync(request, Token)).Get<MetricRecord>("metrics"));
    }

    private static async Task<FitOutput> Fit(ModuleClientOptions options) =>
        await Client(options).FitAsync([NdArray.Zeros([2, 2]), NdArray.Zeros([2])], TestKit.NoValues, Token);

    private static ModuleClient Client(ModuleClientOptions options)
    {
        var data = new Dataset(NdArray.From<float>([2, 0], [1, 2]), NdArray.From(0));
        return new(new Linear(2, 2, RandomKey.FromSeed(1)), new Sgd(0.1), (p, y) => Losses.CrossEntropy(p, y), data, data, options);
    }
}
