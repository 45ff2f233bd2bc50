using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The round loop over clients in memory.</summary>
public sealed class SimulationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunAsync_ThreeRounds_GivesTheNumbersByHand(bool throughCodec)
    {
        var history = await Run([LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 3)], new(3), new FedAvg
        {
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
            EvaluateFunction = (round, parameters) => new(100 + round, new Dictionary<string, Scalar> { ["w"] = parameters[0].ToArray<float>()[0] }),
        }, new() { ThroughCodec = throughCodec });

        // Each round adds (1·1 + 3·3) / 4 = 2.5; accuracy is 2w + step, whose mean is 2w + 2.5.
        Assert.Equal([new(1, 2.5), new(2, 5), new(3, 7.5)], history.LossesDistributed);
        Assert.Equal([new(1, 7.5), new(2, 12.5), new(3, 17.5)], history.MetricsDistributed["accuracy"]);
        Assert.Equal([new(0, 100), new(1, 101), new(2, 102), new(3, 103)], history.LossesCentralized);
        Assert.Equal([new(0, 0.0), new(1, 2.5), new(2, 5.0), new(3, 7.5)], history.MetricsCentralized["w"]);
        Assert.Equal(7.5f, history.Value());
    }

    [Fact]
    public async Task RunAsync_TwoAtOnce_NeverAsksAThirdBeforeOneHasAnswered()
    {
        var (come, atWork, most) = (0, 0, 0);
        // The first of each pair waits for the second: without two at once nobody would ever answer.
        var pairs = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var clients = Enumerable.Range(0, 6).Select(i => new LambdaClient
        {
            Parameters = () => [TestKit.Floats(0)],
            Fit = async (_, _, cancellation) =>
            {
                var now = Interlocked.Increment(ref atWork);
                InterlockedMax(ref most, now);
                var place = Interlocked.Increment(ref come) - 1;
                if (place % 2 == 1) pairs[place / 2].SetResult();
                await pairs[place / 2].Task.WaitAsync(cancellation);
                Interlocked.Decrement(ref atWork);
                return new([TestKit.Floats(i)], 1);
            },
        });
        var strategy = new FedAvg { FractionEvaluate = 0 };

        var history = await Run([.. clients], new(1), strategy, new() { MaxConcurrency = 2 });

        Assert.Equal(2, most);
        Assert.Equal(2.5f, history.Value());

        static void InterlockedMax(ref int most, int value)
        {
            for (var seen = most; seen < value;) seen = Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    [Fact]
    public void MaxConcurrency_BelowOne_SaysWhatIsAllowed() => Assert.StartsWith(
        "[server] MaxConcurrency is 0, expected at least 1, or null for no limit",
        Assert.Throws<ArgumentOutOfRangeException>(() => new SimulationOptions { MaxConcurrency = 0 }).Message);

    [Fact]
    public async Task RunAsync_FortyClientsThatWaitForEachOther_AllWorkAtOnce()
    {
        var missing = 40;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, 40).Select(_ => new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                if (Interlocked.Decrement(ref missing) == 0) all.SetResult();
                await all.Task.WaitAsync(cancellation);
                return new(parameters, 1);
            },
        });
        var log = new LogRecorder();

        await Run(clients, new(1), new FedAvg { InitialParameters = new(TestKit.Floats(1)), FractionEvaluate = 0 }, new() { LoggerFactory = log });

        Assert.Equal(40, log.WithId(301).Count);
    }

    [Fact]
    public async Task RunAsync_ClientsWithFaults_AreNamedAndTheRoundGoesOn()
    {
        var log = new LogRecorder();
        var history = await Run(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(float.NaN, 1), Throwing(), new LambdaClient(), LambdaClient.Adding(3, -1)],
            new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, new() { LoggerFactory = log });

        Assert.Equal(1f, history.Value());
        Assert.Single(log.WithId(301));
        Assert.Collection(
            log.WithId(302).Select(line => line[(line.IndexOf('(') + 1)..line.IndexOf(';')]).Order(),
            line => Assert.Equal("Declined): FitNotImplemented: Client does not implement `fit`", line),
            line => Assert.Equal("Declined): FitNotImplemented: Client failed to fit: TimeZoneNotFoundException: secret", line),
            line => Assert.Equal("NotFinite): tensor 0 of shape (1,) holds NaN, an infinity or a value beyond range", line),
            line => Assert.Equal("NumExamples): -1 examples claimed, expected 1..1000000000", line));
        Assert.Contains(log.WithId(303), line => line.Contains("1 results and 4 failures"));
    }

    [Theory]
    [InlineData(true, 1, 1f)]
    [InlineData(false, 1, 0f)]
    [InlineData(true, 2, 0f)]
    public async Task RunAsync_OneFailure_DropsTheRoundWhenTheStrategySaysSo(bool acceptFailures, int minResults, float expected)
    {
        var log = new LogRecorder();
        var history = await Run([LambdaClient.Adding(1, 1), Throwing()], new(1) { AllowUntrained = true }, new FedAvg
        {
            InitialParameters = new(TestKit.Floats(0)),
            AcceptFailures = acceptFailures,
            MinResults = minResults,
            FractionEvaluate = 0,
        }, new() { LoggerFactory = log });

        Assert.Equal(expected, history.Value());
        Assert.Equal(expected == 0 ? 1 : 0, log.WithId(304).Count);
    }

    [Fact]
    public async Task RunAsync_StatusOfManyLines_IsLoggedAsOneShortLine()
    {
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        registry.Join(new Refusing(new string('x', 300) + "\n"));
        registry.Join(new Refusing("forged\nline"));
        await new RoundLoop(
            new(1) { AllowUntrained = true }, new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, registry, new(), log)
            .RunAsync(TestContext.Current.CancellationToken).Bounded();

        Assert.Contains(log.WithId(302), line => line.Contains("FitNotImplemented: forged line;"));
        Assert.Contains(log.WithId(302), line => line.Contains($"FitNotImplemented: {new string('x', 256)};"));
    }

    private sealed class Refusing(string message) : IClientConnection
    {
        public ClientInfo Info { get; } = ClientInfo.Create("test");

        public Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation) => Task.FromResult(
            new Answer(new FitResult(new(ResultCode.FitNotImplemented, message), Parameters.Empty, 0, TestKit.NoValues), null, 0));

        public void Abort(string reason)
        {
        }
    }

    [Fact]
    public async Task RunAsync_AllClientsFail_KeepsTheModel()
    {
        var history = await Run([Throwing(), Throwing()], new(2) { AllowUntrained = true }, new FedAvg { InitialParameters = new(TestKit.Floats(4)) });
        Assert.Equal(4f, history.Value());
        Assert.Empty(history.LossesDistributed);
    }

    [Fact]
    public async Task RunAsync_InitialParameters_ComeFromAClientThatHasThem()
    {
        var log = new LogRecorder();
        var clients = Enumerable.Range(0, 5).Select(i => i == 3 ? LambdaClient.Adding(1, 1) : new LambdaClient());
        var history = await Run(clients, new(0), new FedAvg(), new() { LoggerFactory = log, Seed = 1 });
        Assert.Equal(0f, history.Value());
        Assert.Single(log.WithId(203));
        Assert.Equal(log.WithId(202).Count - 1, log.WithId(204).Count);
    }

    [Fact]
    public async Task RunAsync_ClientThatExceedsTheTimeout_IsAFailureAndGone()
    {
        var time = new FakeTimeProvider();
        var log = new LogRecorder();
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                stuck.SetResult();
                await Task.Delay(Timeout.Infinite, cancellation);
                return new(parameters, 1);
            },
        };
        var run = Run(
            [LambdaClient.Adding(1, 1), slow], new(2, TimeSpan.FromSeconds(2)),
            new FedAvg { InitialParameters = new(TestKit.Floats(0)), MinAvailableClients = 1, MinFitClients = 1, MinEvaluateClients = 1 },
            new() { LoggerFactory = log, TimeProvider = time });
        await stuck.Task.Bounded();
        await log.Next(301);
        time.Advance(TimeSpan.FromSeconds(2));

        var history = await run.Bounded();

        Assert.Equal(2f, history.Value());
        Assert.Contains("(TimedOut): Timeout of 2.0 sec was exceeded.", Assert.Single(log.WithId(302)));
        Assert.Contains("1 connected", Assert.Single(log.WithId(103)));
    }

    [Fact]
    public async Task RunAsync_Cancelled_Throws()
    {
        using var cancel = new CancellationTokenSource();
        var client = new LambdaClient
        {
            Fit = async (parameters, _, _) =>
            {
                await cancel.CancelAsync();
                return new(parameters, 1);
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FederatedSimulation.RunAsync(
            [client, client], new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)) }, cancellation: cancel.Token).Bounded());
    }

    [Fact]
    public async Task RunAsync_StrategyThatThrows_EndsTheRunWithItsException() =>
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => Run(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(1, 1)], new(1), new FedAvg { OnFitConfig = _ => throw new TimeZoneNotFoundException() }));

    [Fact]
    public async Task RunAsync_TooFewClients_SaysWhomItWaitsFor()
    {
        var time = new WatchedTime();
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        var run = new RoundLoop(
            new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, registry, new() { TimeProvider = time }, log)
            .RunAsync(TestContext.Current.CancellationToken);
        await log.Next(104);
        await time.NextTimer(TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(5));
        await log.Next(104);
        Join(LambdaClient.Adding(1, 1), "aaaaaaaa1");
        await log.Next(104);
        Join(LambdaClient.Adding(2, 1), "bbbbbbbb2");

        Assert.Equal(1.5f, (await run.Bounded()).Value());
        Assert.Equal(
            ["Waiting for 2 more client(s): 0 of 2 connected []", "Waiting for 2 more client(s): 0 of 2 connected []",
            "Waiting for 1 more client(s): 1 of 2 connected [aaaaaaaa]"], log.WithId(104));

        void Join(ArrayClient client, string id) =>
            registry.Join(new InMemoryConnection(new(id, "test"), new InstructionRunner(client, time, log), false));
    }

    // The link stays one, the file behind it keeps its mode, and nothing else is left.
    [Fact]
    public async Task WriteJson_ToAFile_ReplacesItAsAWhole()
    {
        var history = await Run([LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 3)], new(1), new FedAvg());
        var folder = Directory.CreateTempSubdirectory("history").FullName;
        try
        {
            var (file, link) = (Path.Combine(folder, "file.json"), Path.Combine(folder, "link.json"));
            File.WriteAllText(file, "old");
            const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, Mode);
            File.CreateSymbolicLink(link, file);
            history.WriteJson(link);
            using var stream = new MemoryStream();
            history.WriteJson(stream);
            Assert.Equal(stream.ToArray(), File.ReadAllBytes(file));
            Assert.Equal(file, new FileInfo(link).LinkTarget);
            if (!OperatingSystem.IsWindows()) Assert.Equal(Mode, File.GetUnixFileMode(file));
            Assert.Equal(2, Directory.GetFiles(folder).Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task WriteJson_OfAHistory_ListsRoundsAndValues()
    {
        var history = await Run([LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 3)], new(2), new FedAvg
        {
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
            FitMetricsAggregation = _ => new Dictionary<string, Scalar> { ["note"] = "x", ["nan"] = double.NaN },
            EvaluateFunction = (round, _) => round == 0 ? null : new(round),
        });
        using var stream = new MemoryStream();
        history.WriteJson(stream);

        using var json = JsonDocument.Parse(stream.ToArray());
        var expected = """
            {"losses_distributed":[[1,2.5],[2,5]],
            "metrics_distributed_fit":{"note":[[1,"x"],[2,"x"]],"nan":[[1,null],[2,null]]},
            "metrics_distributed":{"accuracy":[[1,7.5],[2,12.5]]},
            "losses_centralized":[[1,1],[2,2]],
            "metrics_centralized":{}}
            """;
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(expected).RootElement, json.RootElement), Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Equal(
            """
            History (loss, distributed):
                round 1: 2.5
                round 2: 5
            History (loss, centralized):
                round 1: 1
                round 2: 2
            History (metrics, distributed, fit):
                note:
                    round 1: x
                    round 2: x
                nan:
                    round 1: NaN
                    round 2: NaN
            History (metrics, distributed, evaluate):
                accuracy:
                    round 1: 7.5
                    round 2: 12.5
            """.ReplaceLineEndings("\n"), history.ToString());
    }

    private static LambdaClient Throwing() => new() { Fit = (_, _, _) => throw new TimeZoneNotFoundException("secret") };

    private static Task<History> Run(IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy, SimulationOptions? options = null) =>
        FederatedSimulation.RunAsync(clients, config, strategy, options, TestContext.Current.CancellationToken).Bounded();
}
