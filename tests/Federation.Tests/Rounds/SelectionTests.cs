using Xunit;

namespace ManagedFed.Federation.Tests.Rounds;

/// <summary>Whom a phase asks: the numbers, how Flower's short settings are parts of the same record, and clients chosen by their properties.</summary>
public sealed class SelectionTests : IDisposable
{
    private readonly WatchedTime time = new();
    private readonly LogRecorder log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => log.Dispose();

    [Theory]
    [InlineData(100, 0.1, 2, 1, 10, 10)]
    [InlineData(100, 0.1, 2, 1.1, 10, 11)] // not 12, as 10 · 1.1 in doubles
    [InlineData(100, 0.1, 2, 1.25, 10, 13)]
    [InlineData(7, 0.5, 1, 1.5, 3, 5)]
    [InlineData(7, 0, 3, 2, 3, 6)]
    [InlineData(2_000_000_000, 1, 1, 1e300, 2_000_000_000, int.MaxValue)]
    public void Asked_IsAFactorOfWanted(int available, double fraction, int least, double factor, int wanted, int asked)
    {
        var selection = new Selection { Fraction = fraction, MinClients = least, OverSelection = factor };
        Assert.Equal((wanted, asked), (selection.Wanted(available), selection.Asked(available)));
    }

    [Fact]
    public void ShortSettings_ArePartsOfTheSelections()
    {
        var strategy = new FedAvg
        {
            FitSelection = new() { OverSelection = 1.5 },
            FractionFit = 0.2,
            FractionEvaluate = 0.3,
            MinFitClients = 4,
            MinEvaluateClients = 5,
            MinAvailableClients = 6,
        };
        Assert.Equal(new() { Fraction = 0.2, MinClients = 4, MinAvailable = 6, OverSelection = 1.5 }, strategy.FitSelection);
        Assert.Equal(new() { Fraction = 0.3, MinClients = 5, MinAvailable = 6 }, strategy.EvaluateSelection);
        var other = new FedAvg { FitSelection = strategy.FitSelection, EvaluateSelection = strategy.EvaluateSelection };
        Assert.Equal((0.2, 0.3, 4, 5, 6), (other.FractionFit, other.FractionEvaluate, other.MinFitClients, other.MinEvaluateClients, other.MinAvailableClients));
        Assert.Equal(strategy.ToString(), other.ToString());
        Assert.EndsWith("MinAvailableClients = 6, OverSelectionFit = 1.5 }", other.ToString(), StringComparison.Ordinal);
        var defaults = new FedAvg();
        Assert.Equal((1, 1, 2, 2, 2), (defaults.FractionFit, defaults.FractionEvaluate, defaults.MinFitClients, defaults.MinEvaluateClients, defaults.MinAvailableClients));
    }

    [Fact]
    public async Task Criterion_ChoosesByPropertiesThatAreAskedForOnce()
    {
        HeldConnection[] clients = [.. Enumerable.Range(0, 5).Select(i => new HeldConnection($"{i}") { Properties = new Dictionary<string, Scalar> { ["cores"] = i } })];
        var run = Run(clients, 2, new() { Criterion = properties => properties["cores"].AsInt64() >= 3 });
        for (var round = 1; round <= 2; round++)
        {
            foreach (var client in clients[3..]) (await client.Next()).Train(1);
        }

        var history = await run.Bounded();
        Assert.Equal(2f, history.Value());
        Assert.All(clients, client => Assert.Equal((1, false), (client.Asked, client.IsAsked)));
    }

    [Fact]
    public async Task Criterion_OnOnePhase_LeavesTheOtherAlone()
    {
        HeldConnection[] clients = [.. Enumerable.Range(0, 3).Select(i => new HeldConnection($"{i}") { Properties = new Dictionary<string, Scalar> { ["judge"] = i > 0 } })];
        var strategy = new FedAvg { InitialParameters = new(TestKit.Floats(0)), EvaluateSelection = new() { Criterion = properties => properties["judge"].AsBool() } };
        var run = new RoundLoop(new(1), strategy, Joined(clients), new(), log).RunAsync(Token);
        foreach (var client in clients) (await client.Next()).Train(1);
        foreach (var client in clients[1..]) (await client.Next()).Reply(new EvaluateResult(ResultStatus.Success, 4, 1, TestKit.NoValues));

        Assert.Equal(4, Assert.Single((await run.Bounded()).LossesDistributed).Value);
        Assert.False(clients[0].IsAsked);
    }

    /// <summary>One that answers something else and one that never answers have no properties; the latter is busy until it does.</summary>
    [Fact]
    public async Task Criterion_OfClientsThatGiveNoProperties_JudgesThemByNone()
    {
        var patience = TimeSpan.FromSeconds(30);
        HeldConnection[] clients = [.. Enumerable.Range(0, 3).Select(i => new HeldConnection($"{i}") { Properties = i == 0 ? null : TestKit.NoValues })];
        var registry = Joined(clients);
        registry.Join(new AnsweringConnection("odd", _ => new FitResult(new(ResultCode.FitNotImplemented, "no"), Parameters.Empty, 0, TestKit.NoValues)));
        var run = Run([], 1, new() { Criterion = properties => properties.Count == 0, PropertiesTimeout = patience }, registry);
        await log.Next(111);
        await time.NextTimer(patience);
        await time.NextTimer(patience);
        await time.NextTimer(patience);
        await time.NextTimer(patience);
        time.Advance(patience);
        await log.Next(111);
        foreach (var client in clients[1..]) (await client.Next()).Train(1);

        var history = await run.Bounded();
        Assert.Equal(2, history.Report(1).Trained.Count);
        Assert.Equal(FailureReason.Declined, Assert.Single(history.FitFailures).Value.Reason);
        Assert.False(clients[0].IsAsked);
        Assert.Contains(log.WithId(111), line => line.EndsWith("(it takes too long)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Criterion_ThatTooFewMeet_WaitsForOthers()
    {
        var registry = Joined([.. Enumerable.Range(0, 2).Select(i => new HeldConnection($"poor {i}"))]);
        var run = Run([], 1, new() { Criterion = properties => properties.ContainsKey("gpu") }, registry);
        await log.Next(110);
        HeldConnection[] rich = [.. Enumerable.Range(0, 2).Select(i => new HeldConnection($"rich {i}") { Properties = new Dictionary<string, Scalar> { ["gpu"] = true } })];
        foreach (var client in rich) registry.Join(client);
        foreach (var client in rich) (await client.Next()).Train(1);

        Assert.Equal(["rich 0", "rich 1"], (await run.Bounded()).Report(1).Trained);
    }

    [Fact]
    public async Task Criterion_ThatTooFewMeetWhereNobodyCanJoin_EndsTheRun()
    {
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(1, 1)], new(1),
            new FedAvg { InitialParameters = new(TestKit.Floats(0)), FitSelection = new() { Criterion = properties => properties.Count > 0 } },
            new() { LoggerFactory = log }, Token).Bounded());
        Assert.StartsWith("[server] 0 of 2 client(s) meet the criterion, expected at least 2, and nobody can join", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Criterion_OfVirtualClients_ChoosesAmongThem()
    {
        var trained = new System.Collections.Concurrent.ConcurrentBag<int>();
        var asked = new int[12_000];
        await FederatedSimulation.RunAsync(
            asked.Length, number => new Numbered(number, trained, asked), new(3),
            new FedAvg
            {
                InitialParameters = new(TestKit.Floats(0)),
                FractionEvaluate = 0,
                FitSelection = new() { Fraction = 0.001, Criterion = properties => properties["number"].AsInt64() % 10 == 7 },
            },
            new() { LoggerFactory = log, Seed = 1 }, Token).Bounded();

        // A thousandth of the 1200 that meet it is less than the least number of clients.
        Assert.Equal(6, trained.Count);
        Assert.All(trained, number => Assert.Equal(7, number % 10));
        Assert.All(asked, count => Assert.Equal(1, count));
    }

    private sealed class Numbered(int number, System.Collections.Concurrent.ConcurrentBag<int> trained, int[] asked) : ArrayClient
    {
        public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            Interlocked.Increment(ref asked[number]);
            return new(new Dictionary<string, Scalar> { ["number"] = number });
        }

        public override ValueTask<FitOutput> FitAsync(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            trained.Add(number);
            return new(new FitOutput([.. parameters], 1));
        }
    }

    private Task<History> Run(HeldConnection[] clients, int rounds, Selection selection, ClientRegistry? registry = null) => new RoundLoop(
        new(rounds), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FitSelection = selection, FractionEvaluate = 0 }, registry ?? Joined(clients),
        new() { TimeProvider = time }, log).RunAsync(Token);

    private ClientRegistry Joined(HeldConnection[] clients)
    {
        var registry = new ClientRegistry(log);
        foreach (var client in clients) registry.Join(client);
        return registry;
    }
}
