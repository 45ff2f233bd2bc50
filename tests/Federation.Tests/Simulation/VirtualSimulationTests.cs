using System.Collections.Concurrent;
using System.Text;
using ManagedFed.Devices;
using ManagedFed.Federation.Tests.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>Clients that are made when they are asked: the numbers of a list of clients, in memory that does not follow their number.</summary>
public sealed class VirtualSimulationTests
{
    private const int Million = 1_000_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => [.. Strategies.Keys];

    private static readonly Dictionary<string, Func<Strategy>> Strategies = new()
    {
        ["FedAvg"] = () => new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage },
        ["FedAvg, sampled"] = () => new FedAvg { FractionFit = 0.3, FractionEvaluate = 0.2, FitMetricsAggregation = Metrics.WeightedAverage },
        ["FedAdam"] = () => new FedAdam { FractionFit = 0.5 },
        ["FedAvgM"] = () => new FedAvgM { FractionFit = 0.5, ServerMomentum = 0.9 },
        ["FedMedian"] = () => new FedMedian { FractionFit = 0.5 },
        ["Krum"] = () => new Krum { FractionFit = 0.5 },
        ["by place"] = () => new InTurn(),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public async Task RunAsync_OfAFactory_GivesTheBitsOfTheListOfTheSameClients(string name)
    {
        const int Clients = 20;
        var options = new SimulationOptions { Seed = 5, LoggerFactory = NullLoggerFactory.Instance };
        var listed = await FederatedSimulation.RunAsync(Enumerable.Range(0, Clients).Select(Client), new(4), Strategies[name](), options, Token).Bounded();

        foreach (var (atOnce, throughCodec) in new[] { (1, false), (2, true), (7, false) })
        {
            var made = await FederatedSimulation.RunAsync(
                Clients, Client, new(4), Strategies[name](), options with { MaxConcurrency = atOnce, ThroughCodec = throughCodec }, Token).Bounded();
            Assert.Equal(Bits(listed.FinalParameters), Bits(made.FinalParameters));
            Assert.Equal(Json(listed), Json(made));
            Assert.Equal(listed.Reports.Select(report => string.Join(',', report.Trained)), made.Reports.Select(report => string.Join(',', report.Trained)));
        }
    }

    // Without rounds the order of arrival decides: one client answers in one order alone.
    [Fact]
    public async Task RunAsync_OneClientWithoutRounds_GivesTheBitsOfTheList()
    {
        var options = new SimulationOptions { Seed = 5, LoggerFactory = NullLoggerFactory.Instance };
        static FedBuff Strategy() => new() { BufferSize = 3, MinAvailableClients = 1 };
        var listed = await FederatedSimulation.RunAsync([Client(0)], new(4), Strategy(), options, Token).Bounded();
        var made = await FederatedSimulation.RunAsync(1, Client, new(4), Strategy(), options, Token).Bounded();

        Assert.Equal(Bits(listed.FinalParameters), Bits(made.FinalParameters));
        Assert.Equal(Json(listed), Json(made));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunAsync_AMillionClients_MakesThoseThatAreAskedAndKeepsNone(bool withoutRounds)
    {
        const int Sampled = 50, Rounds = 3, AtOnce = 2;
        var made = new ConcurrentBag<WeakReference>();
        var (working, most) = (0, 0);
        Strategy strategy = withoutRounds
            ? new FedBuff { BufferSize = Sampled, MaxConcurrency = 8, FractionEvaluate = 1e-5, InitialParameters = new(TestKit.Floats(0)) }
            : new FedAvg { FractionFit = 5e-5, FractionEvaluate = 1e-5, InitialParameters = new(TestKit.Floats(0)) };

        var history = await FederatedSimulation.RunAsync(
            Million, Make, new(Rounds), strategy, new() { Seed = 1, MaxConcurrency = AtOnce, LoggerFactory = NullLoggerFactory.Instance }, Token).Bounded();

        Assert.Equal(Sampled * Rounds, history.Reports.Sum(report => report.Trained.Count));
        Assert.InRange(made.Count, (Sampled * Rounds) + 10, (Sampled * Rounds) + 30 + 8);
        Assert.InRange(most, 1, AtOnce);
        // A thread that has not yet left the last client's work still holds it.
        for (var looks = 0; looks < 1000 && made.Count(client => client.IsAlive) > AtOnce; looks++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Yield();
        }
        Assert.InRange(made.Count(client => client.IsAlive), 0, AtOnce);

        ArrayClient Make(int number)
        {
            Assert.InRange(number, 0, Million - 1);
            var client = new LambdaClient
            {
                Fit = async (parameters, _, _) =>
                {
                    var now = Interlocked.Increment(ref working);
                    for (var seen = most; seen < now;) seen = Interlocked.CompareExchange(ref most, now, seen);
                    await Task.Yield();
                    Interlocked.Decrement(ref working);
                    return new([TestKit.Floats(parameters[0].ToArray<float>()[0] + 1)], 1);
                },
                Evaluate = (_, _) => new(1, 1),
            };
            made.Add(new(client));
            return client;
        }
    }

    [Fact]
    public async Task RunAsync_KeptWithAMillionClients_NotesTheirNumberAloneAndGoesOn()
    {
        using var disk = new MemoryDisk();
        using var whole = new MemoryDisk();
        Strategy Strategy() => new FedAdam { FractionFit = 1e-5, FractionEvaluate = 0 };
        SimulationOptions Options(IRunDisk on) => new() { Seed = 2, RunStore = new(() => on, 2), LoggerFactory = NullLoggerFactory.Instance };

        await FederatedSimulation.RunAsync(Million, Client, new(2), Strategy(), Options(disk), Token).Bounded();
        var resumed = await FederatedSimulation.RunAsync(Million, Client, new(4), Strategy(), Options(disk), Token).Bounded();
        var expected = await FederatedSimulation.RunAsync(Million, Client, new(4), Strategy(), Options(whole), Token).Bounded();

        Assert.Equal(Bits(expected.FinalParameters), Bits(resumed.FinalParameters));
        var journal = Encoding.UTF8.GetString(await BytesOf(disk));
        Assert.Contains("\"count\":1000000", journal, StringComparison.Ordinal);
        Assert.InRange(journal.Length, 100, 20_000);
        using var kept = StoredRun.Open(disk, 2, NullLogger.Instance);
        Assert.Equal(4, kept.State!.Round);

        async Task<byte[]> BytesOf(MemoryDisk on)
        {
            using var bytes = new MemoryStream();
            foreach (var name in on.List("").Where(name => name.Contains("journal", StringComparison.Ordinal))) await on.Read(name)!.CopyToAsync(bytes, Token);
            return bytes.ToArray();
        }
    }

    // After a cut in the middle of a round, what was accepted there is not asked for again; of other clients than before it would not count.
    [Theory]
    [InlineData(Million, 5)]
    [InlineData(Million - 1, 10)]
    public async Task RunAsync_CutWithinARound_GoesOnWithTheSamePopulation(int thenClients, int expectedWork)
    {
        using var inner = new MemoryDisk();
        var work = 0;
        SimulationOptions Options(IRunDisk on) => new() { Seed = 2, RunStore = new(() => on, 2), LoggerFactory = NullLoggerFactory.Instance, MaxConcurrency = 1 };
        static FedAdam Strategy() => new() { FractionFit = 0, MinFitClients = 10, FractionEvaluate = 0, InitialParameters = new(TestKit.Floats(0, 1)) };
        ArrayClient Counted(int number)
        {
            Interlocked.Increment(ref work);
            return Client(number);
        }
        // The first state and its event, round 1 with its beginning, ten updates of two writes and its state, and the beginning and five updates of round 2.
        using var cutting = new PowerCutDisk(inner, 2 + 1 + 20 + 2 + 1 + 10, true);
        await Assert.ThrowsAsync<PowerCutException>(() => FederatedSimulation.RunAsync(Million, Counted, new(2), Strategy(), Options(cutting), Token).Bounded());
        work = 0;
        var history = await FederatedSimulation.RunAsync(thenClients, Counted, new(2), Strategy(), Options(inner), Token).Bounded();

        Assert.Equal(expectedWork, work);
        if (thenClients != Million) return;
        using var whole = new MemoryDisk();
        Assert.Equal(Bits((await FederatedSimulation.RunAsync(Million, Client, new(2), Strategy(), Options(whole), Token).Bounded()).FinalParameters), Bits(history.FinalParameters));
    }

    [Fact]
    public async Task RunAsync_FactoryThatThrows_IsAFailureOfThatClientAlone()
    {
        var log = new LogRecorder();
        var history = await FederatedSimulation.RunAsync(
            3, i => i == 1 ? throw new TimeZoneNotFoundException("no data") : Client(i), new(1),
            new FedAvg { InitialParameters = new(TestKit.Floats(0, 0)), FractionEvaluate = 0 }, new() { LoggerFactory = log, Seed = 1 }, Token).Bounded();

        var failure = Assert.Single(history.FitFailures).Value;
        Assert.Equal(FailureReason.Declined, failure.Reason);
        Assert.Equal("Client failed to be made: TimeZoneNotFoundException: no data", failure.Message);
        Assert.Equal("memory:000000001", failure.Client.StableName);
        Assert.Equal("00000001", failure.Client.Name);
        Assert.Equal(2, history.Report(1).Trained.Count);
    }

    [Fact]
    public async Task RunAsync_ClientsWithoutAModel_AreNotAllAskedForOne()
    {
        var asked = 0;
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedSimulation.RunAsync(
            Million, _ =>
            {
                Interlocked.Increment(ref asked);
                return new LambdaClient();
            },
            new(1), new FedAvg(), new() { LoggerFactory = NullLoggerFactory.Instance, Seed = 1 }, Token).Bounded());
        Assert.StartsWith("[server] none of 100 client(s) gave initial parameters: 100 Declined", error.Message, StringComparison.Ordinal);
        Assert.Equal(100, asked);
    }

    [Fact]
    public async Task RunAsync_ClientThatTakesTooLong_IsAskedAgainInTheNextRound()
    {
        var (time, log) = (new FakeTimeProvider(), new LogRecorder());
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var calls = 0;
        var run = FederatedSimulation.RunAsync(
            2, i => i == 0 ? Client(0) : new LambdaClient
            {
                Fit = async (parameters, _, cancellation) =>
                {
                    if (Interlocked.Increment(ref calls) > 1) return new(parameters, 1);
                    stuck.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellation);
                    return new(parameters, 1);
                },
            },
            new(2, TimeSpan.FromSeconds(2)), new FedAvg { InitialParameters = new(TestKit.Floats(0, 0)), FractionEvaluate = 0 },
            new() { LoggerFactory = log, TimeProvider = time, MaxConcurrency = 2 }, Token);
        await stuck.Task.Bounded();
        // The other one has the same time to answer in.
        await log.Next(301);
        time.Advance(TimeSpan.FromSeconds(2));
        var history = await run.Bounded();

        Assert.Equal(FailureReason.TimedOut, Assert.Single(history.FitFailures).Value.Reason);
        Assert.Equal([1, 2], history.Reports.Select(report => report.Trained.Count));
    }

    [Fact]
    public async Task RunAsync_ManyRounds_SaysHowFarItIsOnceASecondAndAtTheEnd()
    {
        var (log, time) = (new LogRecorder(), new FakeTimeProvider());
        var strategy = new FedAvg
        {
            InitialParameters = new(TestKit.Floats(0, 0)),
            FractionEvaluate = 0,
            EvaluateFunction = (round, _) =>
            {
                if (round > 0) time.Advance(TimeSpan.FromSeconds(0.4));
                return new(1.0 / (round + 1), new Dictionary<string, Scalar> { ["accuracy"] = 0.5 });
            },
        };
        await FederatedSimulation.RunAsync(2, Client, new(7), strategy, new() { LoggerFactory = log, TimeProvider = time, Seed = 1 }, Token).Bounded();

        Assert.Equal(
            [
                "Round 3/7: loss 0.25, accuracy 0.5000, 1.2 s, about 1.6 s left",
                "Round 6/7: loss 0.142857, accuracy 0.5000, 2.4 s, about 0.4 s left",
                "Round 7/7: loss 0.125, accuracy 0.5000, 2.8 s, about 0.0 s left",
            ], log.WithId(317));
    }

    [Fact]
    public async Task RunAsync_EachClient_RunsKernelsOnItsOwnThread()
    {
        var alone = new ConcurrentBag<bool>();
        await FederatedSimulation.RunAsync(
            4, i => new LambdaClient
            {
                Fit = (parameters, _, _) =>
                {
                    alone.Add(CallerAlone.IsOpen);
                    return Task.FromResult(new FitOutput(parameters, 1));
                },
            },
            new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, new() { LoggerFactory = NullLoggerFactory.Instance }, Token).Bounded();
        Assert.Equal(4, alone.Count);
        Assert.DoesNotContain(false, alone);
        Assert.False(CallerAlone.IsOpen);
    }

    [Fact]
    public async Task RunAsync_TooFewOrNoClients_IsRefusedWithTheNumbers()
    {
        Assert.Contains("0", (await Assert.ThrowsAnyAsync<ArgumentException>(() => FederatedSimulation.RunAsync(0, Client, new(1), new FedAvg(), null, Token))).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "[simulation] 1 client(s) given, expected at least 2",
            (await Assert.ThrowsAsync<ArgumentException>(() => FederatedSimulation.RunAsync(1, Client, new(1), new FedAvg(), null, Token))).Message, StringComparison.Ordinal);
    }

    /// <summary>Goes a part of the way to a model of its own.</summary>
    private static LambdaClient Client(int i) => new()
    {
        Parameters = () => [TestKit.Floats(0, 1)],
        Fit = (parameters, _, _) =>
        {
            float[] w = parameters[0].ToArray<float>();
            return Task.FromResult(new FitOutput([TestKit.Floats([.. w.Select((x, k) => x + (0.1f * ((i % 100) + k - x)))])], 1 + (i % 7), new Dictionary<string, Scalar> { ["loss"] = 1.0 / (i + 1) }));
        },
        Evaluate = (parameters, _) => new(Math.Abs(parameters[0].ToArray<float>()[0] - i), 1 + (i % 3), new Dictionary<string, Scalar> { ["accuracy"] = 0.1 * (i % 10) }),
    };

    private static string Json(History history)
    {
        using var stream = new MemoryStream();
        history.WriteJson(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static byte[] Bits(Parameters model) => [.. model.Arrays.SelectMany(array => array.Bytes.ToArray())];

    /// <summary>Reads the clients by their place, and never a sample.</summary>
    private sealed class InTurn : Strategy
    {
        public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state) =>
            [new(state.Clients[state.Clients.Count - state.Round], new FitInstructions(state.Parameters, TestKit.NoValues)), new(state.Clients[state.Round * 2], new FitInstructions(state.Parameters, TestKit.NoValues))];

        public override FitAggregation AggregateFit(RoundState state) => new FedAvg().AggregateFit(state);
    }
}
