using Grpc.Core;
using Grpc.Net.Client;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A server with both services, over real sockets.</summary>
public sealed class FleetServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static FederatedNodeOptions Quick => new() { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero };

    /// <summary>2, 4 and 1 examples with steps 1, 3 and 9: (2·1 + 4·3 + 1·9) / 7 = 23/7 per round, whoever joins where.</summary>
    [Fact]
    public async Task StartAsync_ClientAndTwoNodes_TrainAsThreeClientsDo()
    {
        LambdaClient[] clients = [LambdaClient.Adding(1, 2), LambdaClient.Adding(3, 4), LambdaClient.Adding(9, 1)];
        var alike = await Train([], clients);
        var mixed = await Train(clients[1..], clients[..1]);

        Assert.Equal(alike.Value(), mixed.Value());
        Assert.Equal(3 * 23 / 7.0, mixed.Value(), 1e-5);
        Assert.Equal(alike.LossesDistributed, mixed.LossesDistributed);
        Assert.Equal(3, mixed.LossesDistributed.Count);
    }

    private static async Task<History> Train(LambdaClient[] nodes, LambdaClient[] clients)
    {
        var strategy = new FedAvg { MinFitClients = 3, MinEvaluateClients = 3, MinAvailableClients = 3, InitialParameters = new(TestKit.Floats(0)) };
        var (fleet, http) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(3), strategy, new() { LoggerFactory = log, Fleet = new() { Address = "127.0.0.1:0", HttpAddress = "127.0.0.1:0", OnListening = fleet.SetResult, OnHttpListening = http.SetResult } });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // The first over gRPC, the second over HTTP; both find out which.
        string[] addresses = [await fleet.Task.Bounded(), await http.Task.Bounded()];
        var joined = nodes.Select((node, i) => FederatedNode.StartAsync(addresses[i], node, Quick, over.Token)).ToArray();
        var streams = clients.Select(client => FederatedClient.StartAsync(server.Address, client, cancellation: Token)).ToArray();

        var history = await server.History.Bounded();
        await Task.WhenAll(streams).Bounded();
        await over.CancelAsync();
        await Task.WhenAll(joined).Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.Empty(log.WithId(302));
        return history;
    }

    [Theory]
    [InlineData("flwr.proto.Fleet", "CreateNode")]
    [InlineData("flwr.proto.FlowerService", "Join")]
    public async Task Call_ThatFleetDoesNotKnow_IsAnsweredWithASentence(string service, string method)
    {
        await using var port = await Port.Start();
        var refusal = await port.Refused(service, method, [], null);
        Assert.Equal(StatusCode.Unimplemented, refusal.StatusCode);
        Assert.Contains($"has no /{service}/{method}: nodes before 1.23 must be updated", refusal.Status.Detail);
    }

    [Fact]
    public async Task Call_WithoutASignature_IsRefusedAndAnotherVersionIsTold()
    {
        await using var port = await Port.Start();
        var refusal = await port.Refused("flwr.proto.Fleet", "PullMessages", [], new() { { "flwr-package-version", "1.7.0" } });
        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
        Assert.Contains("the call is not signed", refusal.Status.Detail);
        Assert.Contains("1.23 to 1.39; the node is of version '1.7.0'", refusal.Trailers.GetValue("flwr-version-incompatibility-message"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("1.23.0")]
    [InlineData("1.30.0.dev20260101")]
    public void Warning_VersionsThatFit_AreNotWarnedOf(string? version) => Assert.Null(FleetVersion.Grpc.Warning(version));

    [Theory]
    [InlineData("1.22.9")]
    [InlineData("2.0")]
    [InlineData("new\u00e9")]
    public void Warning_OtherVersions_IsAnAsciiSentence(string version) => Assert.True(System.Text.Ascii.IsValid(FleetVersion.Grpc.Warning(version)!));

    [Fact]
    public async Task StartAsync_FleetForAllMachinesWithoutCertificate_IsRefused()
    {
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => FederatedServer.StartAsync(
            "127.0.0.1:0", new(1), new FedAvg(), new() { Fleet = new() { Address = "0.0.0.0:0" } }, Token));
        Assert.Contains("0.0.0.0:0 is reachable from other machines", refusal.Message);
    }

    /// <summary>A server that waits for nodes, and raw calls to its Fleet port.</summary>
    private sealed class Port(RunningServer server, GrpcChannel channel) : IAsyncDisposable
    {
        private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);

        public static async Task<Port> Start()
        {
            var fleet = new TaskCompletionSource<string>();
            var server = await RunningServer.Start(
                new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)) }, new() { Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } });
            return new(server, GrpcChannel.ForAddress($"http://{await fleet.Task.Bounded()}"));
        }

        public async Task<RpcException> Refused(string service, string method, byte[] request, Metadata? headers)
        {
            var call = channel.CreateCallInvoker().AsyncUnaryCall(
                new Method<byte[], byte[]>(MethodType.Unary, service, method, Bytes, Bytes), null, new(headers, cancellationToken: Token), request);
            return await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.Bounded());
        }

        public async ValueTask DisposeAsync()
        {
            channel.Dispose();
            await server.DisposeAsync();
        }
    }
}
