using Xunit;

namespace ManagedFed.Federation.Tests.Runs;

/// <summary>Clients of the stream that the server knows again, and a run that goes on with them.</summary>
public sealed class NamedClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_StoppedAndStartedAgain_GoesOnWithTheClientsThatComeBack()
    {
        var whole = await FederatedSimulation.RunAsync([Client(0), Client(1)], new(5), Strategy(), new() { LoggerFactory = new LogRecorder() }, Token).Bounded();
        var store = RunStore.Memory();
        var (log, stopped) = (new LogRecorder(), new TaskCompletionSource());
        var first = await RunningServer.Start(new(5), Strategy(), new()
        {
            RunStore = store,
            OnRound = (report, _, _) =>
            {
                if (report.Round == 2) stopped.SetResult();
                return ValueTask.CompletedTask;
            },
        }, LoopbackPort.Address());
        var clients = Enumerable.Range(0, 2).Select(k => FederatedClient.StartAsync(
            first.Address, Client(k), new() { Name = $"part-{k}", MaxWait = TestKit.Bound }, Token)).ToArray();
        await stopped.Task.Bounded();
        await first.DisposeAsync();

        await using var second = await RunningServer.Start(new(5), Strategy(), new() { RunStore = store, LoggerFactory = log }, first.Address);
        var history = await second.History.Bounded();
        await Task.WhenAll(clients).Bounded();

        Assert.Equal(whole.FinalParameters.Arrays[0].ToArray<float>(), history.FinalParameters.Arrays[0].ToArray<float>());
        Assert.Equal([1, 2, 3, 4, 5], history.Reports.Select(report => report.Round));
        Assert.All(history.Reports, report => Assert.Equal(["name:part-0", "name:part-1"], report.Trained));
        Assert.Contains("goes on after round", Assert.Single(log.WithId(505)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_OfANameThatIsThere_WaitsUntilTheOtherHasLeft()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(1), Strategy(), new() { LoggerFactory = log });
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var one = FederatedClient.StartAsync(server.Address, Client(0), new() { Name = "same" }, leave.Token);
        await log.Next(102);
        var own = new LogRecorder();
        var other = FederatedClient.StartAsync(server.Address, Client(1), new() { Name = "same", LoggerFactory = own }, Token);
        await own.Next(402);
        Assert.Contains("A client named same is here.", own.WithId(402)[0], StringComparison.Ordinal);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.Bounded());
        await log.Next(102);
        var third = FederatedClient.StartAsync(server.Address, Client(0), new() { Name = "third" }, Token);

        await server.History.Bounded();
        await Task.WhenAll(other, third).Bounded();
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("ü")]
    public void Name_WithOtherCharacters_IsRefused(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => new FederatedClientOptions { Name = name });
        Assert.StartsWith($"[client] Name is '{name}', expected 1 to 64 of A-Z a-z 0-9 . _ -", error.Message, StringComparison.Ordinal);
    }

    private static FedAdam Strategy() => new() { InitialParameters = new(TestKit.Floats(0.5f, -1, 2)) };

    /// <summary>A client that goes a part of the way to its own model.</summary>
    private static LambdaClient Client(int k) => new()
    {
        Fit = (parameters, _, _) => Task.FromResult(new FitOutput([NdArray.From<float>([.. parameters[0].ToArray<float>().Select((value, i) => value + 0.3f * (k + i - value))])], 10 + k)),
        Evaluate = (parameters, _) => new(parameters[0].ToArray<float>().Sum(Math.Abs), 5),
    };
}
