using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Calls whose whole content is signed, on either wire.</summary>
public sealed class SignedContentTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>An array of two pieces each way: the server looks at the whole of a request and leaves it to gRPC.</summary>
    [Theory]
    [InlineData(Door.Grpc)]
    [InlineData(Door.Http)]
    public async Task Node_ThatSignsAll_IsTakenWhereThatIsRequired(Door door)
    {
        using var server = new HandDesk(new() { RequireSignedContent = true }, door: door);
        using var key = NodeKey.Create();
        var node = new HandNode(server, key) { SignsContent = true };
        node.Join();
        var answer = server.Client.AskAsync(new FitInstructions(new(NdArray.Zeros([2 << 20])), TestKit.NoValues), Token);
        var (metadata, _, _) = await node.Receive();
        var model = NdArray.From<float>([.. Enumerable.Range(0, 2 << 20).Select(i => (float)i)]);
        node.Send(node.Reply(metadata, TestKit.Fit(1, model)));
        Assert.Equal(2 << 20, ((FitResult)(await answer.Bounded()).Reply!).Parameters.Arrays[0].ToArray<float>().Length);
    }

    [Theory]
    [InlineData(Door.Grpc)]
    [InlineData(Door.Http)]
    public void Node_ThatSignsTheTimeAlone_IsToldSo(Door door)
    {
        using var server = new HandDesk(new() { RequireSignedContent = true }, door: door);
        HandDesk.Refused(FleetFault.Unauthenticated, "FederatedNodeOptions.SignContent; Flower's own cannot join it", () => server.JoinedNode());
    }

    /// <summary>Another path and another body than were signed; over gRPC as over HTTP, where raw requests are tried as well.</summary>
    [Theory]
    [InlineData(Door.Grpc)]
    [InlineData(Door.Http)]
    public async Task Call_ThatWasChanged_IsRefused(Door door)
    {
        using var server = new HandDesk(door: door);
        using var key = NodeKey.Create();
        using var other = NodeKey.Create();
        var headers = key.Sign(server.Clock.GetUtcNow()) with { ContentSigner = new(other) };
        var request = new Wire.RegisterNodeRequest { PublicKey = ByteString.CopyFrom(key.PublicKey.Span) }.ToByteArray();
        var refusal = await Assert.ThrowsAsync<FleetException>(() => server.Transport.CallAsync("RegisterNode", request, headers, Token).AsTask().Bounded());
        Assert.Equal(FleetFault.Unauthenticated, refusal.Fault);
        Assert.Contains("the content is not what the key signed", refusal.Message, StringComparison.Ordinal);
        await server.Transport.CallAsync("RegisterNode", request, headers with { ContentSigner = new(key) }, Token).AsTask().Bounded();
    }

    [Theory]
    [InlineData(FleetWire.Grpc)]
    [InlineData(FleetWire.Http)]
    [InlineData(FleetWire.Auto)]
    public async Task Run_OfSigningNodes_Trains(FleetWire wire)
    {
        var (grpc, http) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        var strategy = new FedAvg { MinFitClients = 1, MinEvaluateClients = 1, MinAvailableClients = 1, InitialParameters = new(TestKit.Floats(0)) };
        await using var server = await RunningServer.Start(new(2), strategy, new()
        {
            Fleet = new()
            {
                Address = "127.0.0.1:0",
                HttpAddress = "127.0.0.1:0",
                OnListening = grpc.SetResult,
                OnHttpListening = http.SetResult,
                RequireSignedContent = true,
            },
        });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var node = FederatedNode.StartAsync(
            await (wire == FleetWire.Http ? http : grpc).Task.Bounded(), LambdaClient.Adding(3, 1),
            new() { Wire = wire, SignContent = true, PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero }, over.Token);
        Assert.Equal(6, (await server.History.Bounded()).Value());
        await over.CancelAsync();
        await node.Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Fact]
    public void IsNew_Calls_AreKnownForAtLeastSoLongAndNoMoreThanFit()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var guard = new ReplayGuard(TimeSpan.FromSeconds(60), 2, clock);
        Assert.True(guard.IsNew(1));
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.True(guard.IsNew(2));
        Assert.Null(guard.IsNew(3));
        Assert.False(guard.IsNew(2));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(guard.IsNew(1));
        Assert.True(guard.IsNew(3));
        // The second's sixty seconds are up at 119; its set is forgotten at 120.
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(guard.IsNew(2));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(guard.IsNew(2));
        Assert.False(guard.IsNew(3));
        clock.Advance(TimeSpan.FromSeconds(120));
        Assert.True(guard.IsNew(3));
    }
}
