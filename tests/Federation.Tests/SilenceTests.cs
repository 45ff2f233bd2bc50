using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>A run that cannot go on ends, or says whom it lacks and why.</summary>
public sealed class SilenceTests
{
    private static readonly Parameters Zero = new(TestKit.Floats(0));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<int, Strategy, int> TooFew => new()
    {
        { 0, new FedAvg { InitialParameters = Zero }, 2 },
        { 1, new FedAvg { InitialParameters = Zero }, 2 },
        { 1, new FedAvg { MinAvailableClients = 1, MinFitClients = 1 }, 2 },
        { 2, new FedAvg { MinFitClients = 3 }, 3 },
        { 0, new FedAvg { MinAvailableClients = 1, MinFitClients = 1, FractionEvaluate = 0 }, 1 },
        { 3, new FedAsync { MinAvailableClients = 4 }, 4 },
    };

    [Theory, MemberData(nameof(TooFew))]
    public async Task Simulation_OfTooFewClients_IsRefusedAtOnce(int count, Strategy strategy, int needed)
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Run([.. Enumerable.Range(0, count).Select(_ => LambdaClient.Adding(1, 1))], new(1), strategy));
        Assert.StartsWith($"[simulation] {count} client(s) given, expected at least {needed}: {strategy.GetType().Name} {{", error.Message, StringComparison.Ordinal);
        Assert.Contains("MinAvailableClients", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulation_WithoutInitialParametersAnywhere_SaysSoAndEnds()
    {
        var client = new LambdaClient { Fit = (parameters, _, _) => Task.FromResult(new FitOutput(parameters, 1)) };
        var error = await Assert.ThrowsAsync<FederationException>(() => Run([client, client], new(1), new FedAvg()));
        Assert.StartsWith("[server] none of 2 client(s) gave initial parameters: 2 Declined (", error.Message, StringComparison.Ordinal);
        Assert.Contains("InitialParameters", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulation_WhoseEveryFitFails_ThrowsWithTheHistory()
    {
        var client = new LambdaClient { Fit = (_, _, _) => throw new TimeZoneNotFoundException("no zone\nhere"), Evaluate = (_, _) => new(1, 1) };
        var error = await Assert.ThrowsAsync<FederationException>(() => Run([client, client], new(3), new FedAvg { InitialParameters = Zero }));
        Assert.StartsWith("[server] none of 3 round(s) made a new model; round 3: 0 results are too few, 1 wanted: 2 Declined (", error.Message, StringComparison.Ordinal);
        Assert.Contains("TimeZoneNotFoundException: no zone here", error.Message, StringComparison.Ordinal);
        var history = error.History!;
        Assert.Equal([1, 1, 2, 2, 3, 3], history.FitFailures.Select(failure => failure.Round));
        Assert.Equal([1, 2, 3], history.ModelsKept.Select(kept => kept.Round));
        Assert.Equal(3, history.LossesDistributed.Count);
        Assert.Empty(history.EvaluateFailures);
        Assert.Contains("History (failures, fit):\n    round 1: 2 Declined (", history.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulation_ThatLosesTooManyClients_EndsAndSaysWhyTheyLeft()
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
        var run = FederatedSimulation.RunAsync(
            [LambdaClient.Adding(1, 1), slow], new(2, TimeSpan.FromSeconds(2)), new FedAvg { InitialParameters = Zero, FractionEvaluate = 0 },
            new() { LoggerFactory = log, TimeProvider = time }, Token);
        await stuck.Task.Bounded();
        await log.Next(301);
        time.Advance(TimeSpan.FromSeconds(2));
        var error = await Assert.ThrowsAsync<FederationException>(() => run.Bounded());
        Assert.StartsWith("[server] 1 of 2 client(s) are left [", error.Message, StringComparison.Ordinal);
        Assert.Contains("nobody can join; 1 left, the last:", error.Message, StringComparison.Ordinal);
        Assert.Contains("Timeout of 2.0 sec was exceeded.", error.Message, StringComparison.Ordinal);
        Assert.Equal(1f, error.History!.Value());
    }

    [Fact]
    public async Task Server_WithoutInitialParameters_SaysSoEachInterval()
    {
        var (time, log) = (new WatchedTime(), new LogRecorder());
        var registry = new ClientRegistry(log);
        registry.Join(Memory(new LambdaClient(), time, log));
        var run = new RoundLoop(
            new(1), new FedAvg { MinAvailableClients = 1, MinFitClients = 1, FractionEvaluate = 0 }, registry, new() { TimeProvider = time }, log).RunAsync(Token);
        await log.Next(207);
        await time.NextTimer(TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(5));
        await log.Next(207);
        Assert.All(log.WithId(207), line => Assert.Matches(@"^None of 1 client\(s\) gave initial parameters \[1 Declined \(.*does not implement `get_parameters`\)\]; waiting", line));
        registry.Join(Memory(LambdaClient.Adding(1, 1), time, log));
        Assert.Equal(1f, (await run.Bounded()).Value());
    }

    [Fact]
    public async Task Server_WhoseClientsLeft_SaysWhoAndWhy()
    {
        var (time, log) = (new FakeTimeProvider(), new LogRecorder());
        var registry = new ClientRegistry(log);
        foreach (var name in Enumerable.Range(1, 4))
        {
            var client = Memory(LambdaClient.Adding(1, 1), time, log, $"client {name}");
            registry.Join(client);
            registry.Leave(client, $"reason {name}\nforged");
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = new RoundLoop(new(1), new FedAvg { InitialParameters = Zero }, registry, new() { TimeProvider = time }, log).RunAsync(stop.Token);
        await log.Next(104);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.Bounded());
        Assert.Equal(
            "Waiting for 2 more client(s): 0 of 2 connected []; 4 left, the last: client 2 (reason 2 forged), client 3 (reason 3 forged), client 4 (reason 4 forged)",
            log.WithId(104)[0]);
    }

    [Fact]
    public async Task Round_ThatWaits_SaysForWhomAndMoreRarelyEachTime()
    {
        var (time, log) = (new FakeTimeProvider(), new LogRecorder());
        var (free, second) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
        var asked = 0;
        var client = new LambdaClient
        {
            Fit = async (parameters, _, _) =>
            {
                if (++asked == 1) return new(parameters, 1);
                second.SetResult();
                await free.Task;
                return new(parameters, 1);
            },
        };
        // One after the other: the second is asked when the round no longer waits for the first.
        var run = FederatedSimulation.RunAsync(
            [client, client], new(1), new FedAvg { InitialParameters = Zero, FractionEvaluate = 0 },
            new() { LoggerFactory = log, TimeProvider = time, MaxConcurrency = 1 }, Token);
        await second.Task.Bounded();
        foreach (var seconds in new[] { 10, 20, 40 })
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            await log.Next(313);
        }
        free.SetResult();
        await run.Bounded();
        Assert.Equal([10, 30, 70], log.WithId(313).Select(line => int.Parse(line.Split(" after ")[1].Split(' ')[0])));
        Assert.All(log.WithId(313), line => Assert.StartsWith("Round 1/1: fit still waits for 1 client(s)", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Evaluation_ThatFailsAlone_SaysWhatHappened()
    {
        var log = new LogRecorder();
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput(parameters, 1)),
            Evaluate = (_, _) => throw new TimeZoneNotFoundException("no zone"),
        };
        var history = await Run([client, client], new(1), new FedAvg { InitialParameters = Zero }, log);
        Assert.Empty(log.WithId(304));
        Assert.Empty(history.ModelsKept);
        Assert.Equal(2, history.EvaluateFailures.Count);
        Assert.Matches(@"^Round 1: no loss over the clients: 0 results are too few, 1 wanted: 2 Declined \(.*no zone\)$", Assert.Single(log.WithId(310)));
    }

    [Theory]
    [InlineData(false, "Client failed to fit: TimeZoneNotFoundException")]
    [InlineData(true, "Client failed to fit: TimeZoneNotFoundException: secret of two lines")]
    public async Task ErrorMessages_AreToldWhenTheClientAllowsIt(bool allowed, string expected)
    {
        var client = new LambdaClient { Fit = (_, _, _) => throw new TimeZoneNotFoundException("secret of\ntwo lines") };
        var runner = new InstructionRunner(client, TimeProvider.System, new LogRecorder(), allowed);
        var result = Assert.IsType<FitResult>(await runner.RunAsync(new FitInstructions(Zero, TestKit.NoValues), Token));
        Assert.Equal(expected, result.Status.Message);
    }

    [Theory]
    [InlineData("opaque", "1 tensors are of type 'pickle', expected 'numpy.ndarray'")]
    [InlineData("none", "0 tensors, expected at least 1")]
    [InlineData("nan", "holds NaN")]
    public async Task Initial_OfNoUse_IsPassedOver(string kind, string message)
    {
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        registry.Join(new AnsweringConnection("a", instruction => new GetParametersResult(ResultStatus.Success, kind switch
        {
            "opaque" => Parameters.Opaque("pickle", new byte[] { 1 }),
            "none" => Parameters.Empty,
            _ => new(TestKit.Floats(float.NaN)),
        })));
        registry.Join(Memory(LambdaClient.Adding(1, 1), TimeProvider.System, log));
        registry.Close();
        foreach (var seed in Enumerable.Range(0, 4))
        {
            var history = await new RoundLoop(new(0), new FedAvg(), registry, new() { Seed = seed }, log).RunAsync(Token).Bounded();
            Assert.Equal(0f, history.Value());
            if (log.WithId(204).Count > 0) break;
        }
        Assert.Contains(message, Assert.Single(log.WithId(204)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Initial_ThatNobodyElseHas_IsNoticedAndAnotherAskedFor()
    {
        var log = new LogRecorder();
        // Whoever is asked first: one client's model has two elements, the others' have one.
        LambdaClient Client(int size) => new()
        {
            Parameters = () => [NdArray.Zeros([size])],
            Fit = (parameters, _, _) => parameters[0].Count == size
                ? Task.FromResult(new FitOutput([TestKit.Floats([.. Enumerable.Repeat(1f, size)])], 1))
                : throw new ArgumentException($"{parameters[0].Count} elements, expected {size}"),
        };
        for (var seed = 0; log.WithId(208).Count == 0 && seed < 20; seed++)
        {
            var history = await FederatedSimulation.RunAsync(
                [Client(2), Client(1), Client(1), Client(1)], new(3), new FedAvg { FractionEvaluate = 0 }, new() { LoggerFactory = log, Seed = seed }, Token).Bounded();
            Assert.Equal([1f], history.FinalParameters.Arrays[0].ToArray<float>());
        }
        Assert.Matches(@"^Nobody but client \w+, which gave the initial parameters, can train them \(\(2,\)\): 3 Declined .*; others are asked for theirs$", Assert.Single(log.WithId(208)));
    }

    [Fact]
    public async Task Names_OfManyClients_AreAFewAndACount()
    {
        var (time, log) = (new FakeTimeProvider(), new LogRecorder());
        var registry = new ClientRegistry(log);
        for (var i = 0; i < 300; i++) registry.Join(Memory(LambdaClient.Adding(1, 1), time, log));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = new RoundLoop(new(1), new FedAvg { InitialParameters = Zero, MinAvailableClients = 301 }, registry, new() { TimeProvider = time }, log).RunAsync(stop.Token);
        await log.Next(104);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.Bounded());
        Assert.Matches(@"^Waiting for 1 more client\(s\): 300 of 301 connected \[(\w{8}, ){4}\w{8} and 295 more\]$", log.WithId(104)[0]);
    }

    [Fact]
    public async Task Log_OfARoundInWhichEveryoneFails_HasShortLines()
    {
        var log = new LogRecorder();
        var clients = Enumerable.Range(0, 100).Select(i => new LambdaClient { Fit = (_, _, _) => throw new TimeZoneNotFoundException(new string('x', 5000)) });
        await Assert.ThrowsAsync<FederationException>(() => Run([.. clients], new(2), new FedAvg { InitialParameters = Zero, FractionEvaluate = 0 }, log));
        Assert.All(log.Lines.Where(line => !line.StartsWith("The client failed", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 1, 1000));
    }

    [Fact]
    public void WriteJson_OfFailures_ListsThem()
    {
        var history = new History(Zero);
        history.AddFitFailures(1, [new(new("abcdefgh1", "peer"), FailureReason.Shape, "words")]);
        history.AddModelKept(1, "why");
        using var stream = new MemoryStream();
        history.WriteJson(stream);
        var text = string.Concat(System.Text.Encoding.UTF8.GetString(stream.ToArray()).Where(letter => !char.IsWhiteSpace(letter)));
        Assert.Contains("\"failures_fit\":[[1,{\"client\":\"abcdefgh\",\"peer\":\"peer\",\"reason\":\"Shape\",\"message\":\"words\"}]]", text, StringComparison.Ordinal);
        Assert.Contains("\"models_kept\":[[1,\"why\"]]", text, StringComparison.Ordinal);
    }

    private static InMemoryConnection Memory(ArrayClient client, TimeProvider time, LogRecorder log, string? id = null) =>
        new(id is null ? ClientInfo.Create("test") : new(id, "test"), new InstructionRunner(client, time, log), false);

    private static Task<History> Run(IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy, LogRecorder? log = null) =>
        FederatedSimulation.RunAsync(clients, config, strategy, new() { LoggerFactory = log ?? new LogRecorder() }, Token).Bounded();
}

/// <summary>A client that answers as a test says, or not at all.</summary>
internal sealed class AnsweringConnection(string name, Func<Instruction, Reply> answer) : IClientConnection
{
    public ClientInfo Info { get; } = ClientInfo.Create("test", name);

    public Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation) => Task.FromResult(
        instruction is ReconnectInstructions ? new Answer(new DisconnectResult(DisconnectReason.Reconnect), null, 0) : new Answer(answer(instruction), null, 0));

    public void Abort(string reason)
    {
    }
}
