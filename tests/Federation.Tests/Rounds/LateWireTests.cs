using Xunit;

namespace ManagedFed.Federation.Tests.Rounds;

/// <summary>Clients that are late over real sockets: the stream or the node stays, its reply is taken and does not count, and it is asked again.</summary>
public sealed class LateWireTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ThatIsLate_StaysAndIsAskedAgain(bool isFleet)
    {
        var (started, release, again) = (Signal(), Signal(), Signal());
        var (fastAsked, slowAsked) = (0, 0);
        var fast = Client(async cancellation =>
        {
            var call = Interlocked.Increment(ref fastAsked);
            if (call == 1) await started.Task.WaitAsync(cancellation);
            if (call == 2)
            {
                // The first round is over.
                release.TrySetResult();
                await again.Task.WaitAsync(cancellation);
            }
            return 1;
        });
        var slow = Client(async cancellation =>
        {
            if (Interlocked.Increment(ref slowAsked) > 1) return 1;
            started.TrySetResult();
            await release.Task.WaitAsync(cancellation);
            return 1000;
        });
        var strategy = new FedAvg
        {
            InitialParameters = new(TestKit.Floats(0)),
            FractionEvaluate = 0,
            FitSelection = new() { Fraction = 0.5, MinClients = 1, OverSelection = 2 },
        };
        using var log = new LogRecorder();
        var fleet = new TaskCompletionSource<string>();
        await using var server = await RunningServer.Start(
            new(3), strategy, new() { LoggerFactory = log, Fleet = isFleet ? new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } : null });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var address = isFleet ? await fleet.Task.Bounded() : server.Address;
        Task[] joined = [Join(fast), Join(slow)];
        await log.Next(319);
        again.SetResult();

        var history = await server.History.Bounded();
        await over.CancelAsync();
        await Task.WhenAny(Task.WhenAll(joined)).Bounded();

        Assert.Equal(3f, history.Value());
        Assert.Single(history.Report(1).FitLate);
        Assert.Empty(history.FitFailures);
        Assert.Equal("a reply", log.WithId(319)[0].Split("late with ")[1].Split(" after")[0]);
        Assert.InRange(slowAsked, 1, 2);

        Task Join(LambdaClient client) => isFleet
            ? FederatedNode.StartAsync(address, client, new() { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero }, over.Token)
            : FederatedClient.StartAsync(address, client, cancellation: over.Token);
    }

    private static LambdaClient Client(Func<CancellationToken, Task<float>> step) => new()
    {
        Fit = async (parameters, _, cancellation) => new([TestKit.Floats(parameters[0].ToArray<float>()[0] + await step(cancellation))], 1),
    };

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
