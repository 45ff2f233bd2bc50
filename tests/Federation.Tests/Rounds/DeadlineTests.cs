using ManagedFed.Federation.Tests.Runs;
using Xunit;

namespace ManagedFed.Federation.Tests.Rounds;

/// <summary>Rounds that do not wait for all: they end when they are full or at their deadline, and whoever is late is neither failed nor lost nor counted.</summary>
public sealed class DeadlineTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(7);

    private readonly WatchedTime time = new();
    private readonly LogRecorder log = new();
    private readonly HeldConnection[] clients = [.. "abcd".Select(name => new HeldConnection($"{name}"))];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => log.Dispose();

    private static readonly Selection Half = new() { Fraction = 0.5, OverSelection = 2 };

    [Fact]
    public async Task Round_WithOverSelection_EndsWhenItIsFull()
    {
        var run = Run(new(2), Strategy(Half));
        var first = await Questions(clients);
        first[3].Train(1);
        first[1].Train(3);
        // Two are free, and two are wanted.
        var second = await Questions([clients[1], clients[3]]);
        Assert.False(clients[0].IsAsked || clients[2].IsAsked);
        second[0].Train(10);
        second[1].Train(10);

        var history = await run.Bounded();
        Assert.Equal(12f, history.Value());
        Assert.Equal(["b", "d"], history.Report(1).Trained);
        Assert.Equal(["a", "c"], history.Report(1).FitLate);
        Assert.Empty(history.FitFailures);
        Assert.Empty(history.Report(2).FitLate);
        Assert.All(clients, client => Assert.Null(client.Aborted));
        Assert.Contains("since it is full", Assert.Single(log.WithId(318)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Round_AResultIsRefused_TakesTheNextOne()
    {
        var run = Run(new(1), Strategy(Half));
        var asked = await Questions(clients);
        asked[0].Reply(TestKit.Fit(0, TestKit.Floats(1)));
        await log.Next(302);
        asked[1].Train(2);
        asked[2].Train(4);

        var history = await run.Bounded();
        Assert.Equal(3f, history.Value());
        Assert.Equal(FailureReason.NumExamples, Assert.Single(history.FitFailures).Value.Reason);
        Assert.Equal(["d"], history.Report(1).FitLate);
    }

    [Fact]
    public async Task Round_AtItsDeadline_CountsWhatHasCome()
    {
        var run = Run(new(1) { RoundDeadline = Deadline }, Strategy(minResults: 2));
        var asked = await Questions(clients);
        await time.NextTimer(Deadline);
        asked[2].Train(1);
        await log.Next(301);
        asked[0].Train(3);
        await log.Next(301);
        time.Advance(Deadline);

        var history = await run.Bounded();
        Assert.Equal(2f, history.Value());
        Assert.Equal(["b", "d"], history.Report(1).FitLate);
        Assert.Empty(history.FitFailures);
        Assert.Contains("since its deadline has passed", Assert.Single(log.WithId(318)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Round_AtItsDeadlineWithTooFew_ChangesNothingAndSaysSo()
    {
        var run = Run(new(1) { RoundDeadline = Deadline, AllowUntrained = true }, Strategy(minResults: 3));
        var asked = await Questions(clients);
        await time.NextTimer(Deadline);
        asked[0].Reply(TestKit.Fit(0, TestKit.Floats(1)));
        await log.Next(302);
        asked[1].Train(3);
        await log.Next(301);
        time.Advance(Deadline);

        var history = await run.Bounded();
        Assert.Equal(0f, history.Value());
        Assert.StartsWith("1 results are too few, 3 wanted: 1 NumExamples (", history.Report(1).Unchanged, StringComparison.Ordinal);
        Assert.EndsWith(", 2 were late", history.Report(1).Unchanged, StringComparison.Ordinal);
        Assert.Single(log.WithId(304));
    }

    [Fact]
    public async Task Client_ThatIsLate_IsAskedAgainOnceItHasAnsweredAndCountsOnce()
    {
        var run = Run(new(1000) { RoundDeadline = Deadline }, Strategy(), stop: history => history.Reports[^1].Trained.Count == 4);
        var first = await Questions(clients);
        await time.NextTimer(Deadline);
        for (var i = 0; i < 3; i++)
        {
            first[i].Train(1);
            await log.Next(301);
        }
        time.Advance(Deadline);
        // The second round works without the late one.
        var second = await Questions(clients[..3]);
        Assert.False(clients[3].IsAsked);
        first[3].Train(1000);
        await log.Next(319);
        foreach (var question in second) question.Train(1);
        // Its answer may reach the loop when the third round has begun, or a later one.
        var again = clients[3].Next();
        for (int? worked = 2; ;)
        {
            var others = Questions(clients[..3]);
            if (await Task.WhenAny(again, others) == again && (await again).Instruction.Round == worked) break;
            foreach (var question in await others)
            {
                question.Train(1);
                worked = question.Instruction.Round;
            }
        }
        (await again).Train(1);

        var history = await run.Bounded();
        Assert.Equal(history.Reports.Count, history.Value());
        Assert.All(history.Reports.SkipLast(1), report => Assert.Equal(3, report.Trained.Count));
        Assert.Equal(["d"], history.Report(1).FitLate);
        Assert.Empty(history.FitFailures);
        Assert.Null(clients[3].Aborted);
    }

    [Fact]
    public async Task Round_WhoseClientsAreAllLate_WaitsUntilEnoughAreFree()
    {
        var run = Run(new(2) { RoundDeadline = Deadline }, Strategy(), clients[..2]);
        var first = await Questions(clients[..2]);
        await time.NextTimer(Deadline);
        time.Advance(Deadline);
        await log.Next(110);
        first[0].Train(1000);
        first[1].Train(1000);
        foreach (var question in await Questions(clients[..2])) question.Train(2);

        var history = await run.Bounded();
        Assert.Equal(2f, history.Value());
        Assert.Equal("0 results are too few, 1 wanted: nobody failed, 2 were late", history.Report(1).Unchanged);
    }

    [Fact]
    public async Task Evaluation_AtItsDeadline_CountsWhatHasCome()
    {
        var run = Run(new(1) { RoundDeadline = Deadline }, Strategy(evaluated: 1));
        foreach (var question in await Questions(clients)) question.Train(1);
        await time.NextTimer(Deadline);
        var asked = await Questions(clients);
        await time.NextTimer(Deadline);
        asked[1].Reply(new EvaluateResult(ResultStatus.Success, 5, 1, TestKit.NoValues));
        // Four results of training, one of evaluation.
        for (var i = 0; i < 5; i++) await log.Next(301);
        time.Advance(Deadline);

        var history = await run.Bounded();
        Assert.Equal(5, Assert.Single(history.LossesDistributed).Value);
        Assert.Equal(["a", "c", "d"], history.Report(1).EvaluateLate);
        Assert.Empty(history.Report(1).FitLate);
    }

    [Fact]
    public async Task Client_LostAndBackWithinTheDeadline_IsAskedAgain()
    {
        var registry = new ClientRegistry(log);
        var run = Run(new(1) { RoundDeadline = Deadline }, Strategy(), clients[..2], registry);
        var asked = await Questions(clients[..2]);
        registry.Leave(clients[1], "lost");
        asked[1].Lose();
        var back = new HeldConnection("b");
        registry.Join(back);
        (await back.Next()).Train(5);
        asked[0].Train(1);

        var history = await run.Bounded();
        Assert.Equal(3f, history.Value());
        Assert.Equal(["a", "b"], history.Report(1).Trained);
    }

    [Fact]
    public async Task Client_LostUntilTheDeadline_IsNotWaitedFor()
    {
        var registry = new ClientRegistry(log);
        var run = Run(new(1) { RoundDeadline = Deadline }, Strategy(), clients[..2], registry);
        var asked = await Questions(clients[..2]);
        await time.NextTimer(Deadline);
        registry.Leave(clients[1], "lost");
        asked[1].Lose();
        asked[0].Train(1);
        await log.Next(301);
        time.Advance(Deadline);

        var history = await run.Bounded();
        Assert.Equal(1f, history.Value());
        Assert.Equal(["a"], history.Report(1).Trained);
    }

    [Fact]
    public async Task Client_ThatTimedOut_MayComeBackAndIsAskedInALaterRound()
    {
        var registry = new ClientRegistry(log);
        var timeout = TimeSpan.FromMinutes(3);
        var run = Run(new(2, timeout), Strategy(), clients[..2], registry);
        var asked = await Questions(clients[..2]);
        asked[0].Train(1);
        await log.Next(301);
        await time.NextTimer(timeout);
        await time.NextTimer(timeout);
        time.Advance(timeout);
        await log.Next(302);
        Assert.NotNull(clients[1].Aborted);
        var back = new HeldConnection("b");
        registry.Join(back);
        foreach (var question in await Questions([clients[0], back])) question.Train(1);

        var history = await run.Bounded();
        Assert.Equal(2f, history.Value());
        Assert.Equal(FailureReason.TimedOut, Assert.Single(history.FitFailures).Value.Reason);
        Assert.Equal(["a", "b"], history.Report(2).Trained);
    }

    [Fact]
    public async Task Run_CancelledWhileSomebodyIsLate_Ends()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = new RoundLoop(new(2) { RoundDeadline = Deadline }, Strategy(), Joined(clients, new(log)), new() { TimeProvider = time }, log).RunAsync(stop.Token);
        var asked = await Questions(clients);
        await time.NextTimer(Deadline);
        asked[0].Train(1);
        asked[1].Train(1);
        await log.Next(301);
        await log.Next(301);
        time.Advance(Deadline);
        await Questions(clients[..2]);
        await stop.CancelAsync();

        var cancelled = await Assert.ThrowsAsync<RunCanceledException>(() => run.Bounded());
        Assert.Equal(1f, cancelled.History.Value());
    }

    [Fact]
    public void RoundDeadline_WithoutRounds_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => ServerLoop.Create(new(1) { RoundDeadline = Deadline }, new FedBuff(), new ClientRegistry(log), new(), log));
        Assert.StartsWith("[server] RoundDeadline is set, and FedBuff works without rounds", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => ServerLoop.Create(new(1), new FedAsync { EvaluateSelection = new() { OverSelection = 2 } }, new ClientRegistry(log), new(), log));
        Assert.StartsWith("[server] OverSelection is set, and FedAsync works without rounds", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Clients that are made when they are asked are stopped when they are late, and may be chosen again at once.</summary>
    [Fact]
    public async Task VirtualClients_ThatAreLate_AreStoppedAndMadeAgain()
    {
        var made = 0;
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = FederatedSimulation.RunAsync(
            3, number => number < 2 ? LambdaClient.Adding(1, 1) : new LambdaClient
            {
                Fit = async (parameters, _, cancellation) =>
                {
                    if (Interlocked.Increment(ref made) > 1) return new FitOutput([TestKit.Floats(parameters[0].ToArray<float>()[0] + 1)], 1);
                    using var end = cancellation.Register(() => stopped.TrySetResult());
                    stuck.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellation);
                    return new(parameters, 1);
                },
            },
            new(2) { RoundDeadline = Deadline }, Strategy(), new() { LoggerFactory = log, TimeProvider = time, MaxConcurrency = 3 }, Token);
        await stuck.Task.Bounded();
        await time.NextTimer(Deadline);
        await log.Next(301);
        await log.Next(301);
        time.Advance(Deadline);

        var history = await run.Bounded();
        Assert.Equal(2f, history.Value());
        Assert.Equal([2, 3], history.Reports.Select(report => report.Trained.Count));
        await stopped.Task.Bounded();
    }

    /// <summary>A server that stops after its round has, and before the model is kept, counts the same updates when it goes on, although others have come meanwhile.</summary>
    [Fact]
    public async Task Run_GoneOnAfterItsRoundWasClosed_CountsTheSameUpdates()
    {
        using var memory = new MemoryDisk();
        // Two writes for the initial state, one for the round's begin, two for each of two updates, and one that the round is over; then the power fails.
        using var disk = new PowerCutDisk(memory, at: 8, isDone: true);
        var options = new FederationOptions { TimeProvider = time, RunStore = new(() => disk, 2), Seed = 1 };
        var run = new RoundLoop(new(1) { RoundDeadline = Deadline }, Strategy(), Joined(clients, new(log)), options, log).RunAsync(Token);
        var asked = await Questions(clients);
        await time.NextTimer(Deadline);
        asked[2].Train(1);
        await log.Next(301);
        asked[0].Train(3);
        await log.Next(301);
        time.Advance(Deadline);
        await Assert.ThrowsAsync<PowerCutException>(() => run.Bounded());

        HeldConnection[] again = [.. "abcd".Select(name => new HeldConnection($"{name}"))];
        var history = await new RoundLoop(
            new(1) { RoundDeadline = Deadline }, Strategy(), Joined(again, new(log)), options with { RunStore = new(() => memory, 2) }, log).RunAsync(Token).Bounded();
        Assert.Equal(2f, history.Value());
        Assert.Equal(["a", "c"], history.Report(1).Trained);
        Assert.All(again, client => Assert.False(client.IsAsked));
    }

    /// <summary>Updates that were accepted before the server stopped come first: the round is full with them and one more.</summary>
    [Fact]
    public async Task Run_GoneOnInAnOverSelectedRound_CountsWhatWasAcceptedFirst()
    {
        using var memory = new MemoryDisk();
        var strategy = Strategy(Half);
        var options = new FederationOptions { RunStore = new(() => memory, 2), Seed = 1 };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = new RoundLoop(new(1), strategy, Joined(clients, new(log)), options, log).RunAsync(stop.Token);
        (await Questions(clients))[2].Train(1);
        await log.Next(301);
        await stop.CancelAsync();
        await Assert.ThrowsAsync<RunCanceledException>(() => run.Bounded());

        HeldConnection[] again = [.. "abcd".Select(name => new HeldConnection($"{name}"))];
        run = new RoundLoop(new(1), strategy, Joined(again, new(log)), options, log).RunAsync(Token);
        (await again[3].Next()).Train(5);

        var history = await run.Bounded();
        Assert.Equal(3f, history.Value());
        Assert.Equal(["c", "d"], history.Report(1).Trained);
        Assert.False(again[2].IsAsked);
    }

    private static FedAvg Strategy(Selection? selection = null, int minResults = 1, double evaluated = 0) =>
        new() { InitialParameters = new(TestKit.Floats(0)), FitSelection = selection ?? new(), MinResults = minResults, FractionEvaluate = evaluated };

    private Task<History> Run(
        ServerConfig config, Strategy strategy, HeldConnection[]? some = null, ClientRegistry? registry = null, Func<History, bool>? stop = null) =>
        new RoundLoop(config, strategy, Joined(some ?? clients, registry ?? new(log)), new() { TimeProvider = time, Seed = 1, StopWhen = stop }, log).RunAsync(Token);

    private static ClientRegistry Joined(IEnumerable<HeldConnection> connections, ClientRegistry registry)
    {
        foreach (var connection in connections) registry.Join(connection);
        return registry;
    }

    private static Task<HeldConnection.Question[]> Questions(IEnumerable<HeldConnection> connections) => Task.WhenAll(connections.Select(connection => connection.Next()));
}
