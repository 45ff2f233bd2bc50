using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Our server with our clients and hand-driven ones, over real sockets.</summary>
public sealed class LoopbackTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task StartAsync_TwoClientsThreeRounds_GivesTheNumbersByHand()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(3), new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage }, new() { LoggerFactory = log });
        var clients = new[]
        {
            FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token),
            FederatedClient.StartAsync(server.Address, LambdaClient.Adding(3, 3), cancellation: Token),
        };

        var history = await server.History.Bounded();
        await Task.WhenAll(clients).Bounded();

        // As in SimulationTests: 2.5 per round.
        Assert.Equal([new(1, 2.5), new(2, 5), new(3, 7.5)], history.LossesDistributed);
        Assert.Equal([new(1, 7.5), new(2, 12.5), new(3, 17.5)], history.MetricsDistributed["accuracy"]);
        Assert.Equal([7.5f], history.FinalParameters.Arrays[0].ToArray<float>());
        Assert.Equal(2, log.WithId(102).Count);
        Assert.Equal(12, log.WithId(301).Count);
        Assert.Empty(log.WithId(302));
        Assert.All(log.WithId(103), line => Assert.Contains("(goodbye)", line));
    }

    [Fact]
    public async Task StartAsync_FortyClientsThatWaitForEachOther_AllWorkAtOnce()
    {
        var missing = 40;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                if (Interlocked.Decrement(ref missing) == 0) all.SetResult();
                await all.Task.WaitAsync(cancellation);
                return new(parameters, 1);
            },
        };
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(1), new FedAvg { InitialParameters = new(TestKit.Floats(1)), MinAvailableClients = 40, FractionEvaluate = 0 }, new() { LoggerFactory = log });
        var clients = Enumerable.Range(0, 40).Select(_ => FederatedClient.StartAsync(server.Address, client, cancellation: Token)).ToArray();

        await server.History.Bounded();
        await Task.WhenAll(clients).Bounded();

        Assert.Equal(40, log.WithId(301).Count);
    }

    /// <summary>As real Flower clients do it: no goodbye arrives, the stream is simply cancelled.</summary>
    [Fact]
    public async Task StartAsync_ClientThatCancelsAfterReconnect_IsANormalEnd()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(1), SingleClient(), new() { LoggerFactory = log });
        using var client = new RawClient(server.Address);
        await client.Answer(Wire.ServerMessage.MsgOneofCase.FitIns, Trained(5, 2));
        await client.Read(Wire.ServerMessage.MsgOneofCase.ReconnectIns);
        client.Dispose();

        Assert.Equal(5, (await server.History.Bounded()).Value());
        Assert.Contains("(goodbye)", Assert.Single(log.WithId(103)));
    }

    [Fact]
    public async Task StartAsync_ClientThatSaysGoodbyeAndHalfCloses_SeesAGoodEnd()
    {
        await using var server = await RunningServer.Start(new(1), SingleClient());
        using var client = new RawClient(server.Address);
        await client.Answer(Wire.ServerMessage.MsgOneofCase.FitIns, Trained(5, 2));
        await client.Answer(Wire.ServerMessage.MsgOneofCase.ReconnectIns, new() { DisconnectRes = new() { Reason = Wire.Reason.Reconnect } });
        await client.Call.RequestStream.CompleteAsync();

        Assert.False(await client.Call.ResponseStream.MoveNext(Token).Bounded());
        Assert.Equal(StatusCode.OK, client.Call.GetStatus().StatusCode);
        await server.History.Bounded();
    }

    [Fact]
    public async Task StartAsync_ClientThatDiesInARound_DoesNotHangTheServer()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, new() { LoggerFactory = log });
        var good = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token);
        var dying = new RawClient(server.Address);
        await dying.Read(Wire.ServerMessage.MsgOneofCase.FitIns);
        dying.Dispose();

        Assert.Equal(1, (await server.History.Bounded()).Value());
        await good.Bounded();
        Assert.Contains("(Disconnected): left before it answered", Assert.Single(log.WithId(302)));
    }

    [Fact]
    public async Task StartAsync_ClientThatExceedsTheTimeout_LosesItsStream()
    {
        var time = new FakeTimeProvider();
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(1, TimeSpan.FromSeconds(2.5)) { AllowUntrained = true }, SingleClient(), new() { LoggerFactory = log, TimeProvider = time });
        using var client = new RawClient(server.Address);
        await client.Read(Wire.ServerMessage.MsgOneofCase.FitIns);
        time.Advance(TimeSpan.FromSeconds(2.5));

        var end = await Assert.ThrowsAsync<RpcException>(() => client.Call.ResponseStream.MoveNext(Token).Bounded());

        Assert.Equal(StatusCode.DeadlineExceeded, end.StatusCode);
        Assert.Equal("Timeout of 2.5 sec was exceeded.", end.Status.Detail);
        Assert.Equal(0, (await server.History.Bounded()).Value());
    }

    [Fact]
    public async Task StartAsync_ClientThatSpeaksUnasked_IsRefused()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(1), new FedAvg(), new() { LoggerFactory = log });
        using var client = new RawClient(server.Address);
        await client.Answer(Wire.ServerMessage.MsgOneofCase.GetParametersIns, Trained(5, 2)); // the wrong kind of answer
        await log.Next(204);
        await client.Call.RequestStream.WriteAsync(Trained(5, 2), Token);

        var end = await Assert.ThrowsAsync<RpcException>(() => client.Call.ResponseStream.MoveNext(Token).Bounded());

        Assert.Equal(StatusCode.InvalidArgument, end.StatusCode);
        Assert.Contains("(Unexpected): answered with FitResult, expected GetParametersResult", Assert.Single(log.WithId(204)));
        await log.Next(105);
    }

    [Fact]
    public async Task StartAsync_MalformedTensor_IsARefusedUpdate()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(1) { AllowUntrained = true }, SingleClient(), new() { LoggerFactory = log });
        using var client = new RawClient(server.Address);
        var broken = Trained(5, 2);
        broken.FitRes.Parameters.Tensors[0] = Google.Protobuf.ByteString.CopyFromUtf8("\u0080 pickled");
        await client.Answer(Wire.ServerMessage.MsgOneofCase.FitIns, broken);
        await client.Read(Wire.ServerMessage.MsgOneofCase.ReconnectIns);
        client.Dispose();

        await server.History.Bounded();
        Assert.Contains("(Malformed)", Assert.Single(log.WithId(302)));
    }

    [Fact]
    public async Task StartAsync_ModelOfTwentyMegabytes_Passes()
    {
        var model = NdArray.Zeros([5_000_000]);
        await using var server = await RunningServer.Start(
            new(1), new FedAvg { MinAvailableClients = 1, MinFitClients = 1, MinEvaluateClients = 1 });
        var client = new LambdaClient
        {
            Parameters = () => [model],
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput(parameters, 1)),
            Evaluate = (parameters, _) => new(parameters[0].Count, 1),
        };
        var run = FederatedClient.StartAsync(server.Address, client, cancellation: Token);

        Assert.Equal([new(1, 5_000_000)], (await server.History.Bounded()).LossesDistributed);
        await run.Bounded();
    }

    [Fact]
    public async Task StartAsync_Cancelled_TellsTheClientsThatTheServerStops()
    {
        await using var server = await RunningServer.Start(new(1), new FedAvg { MinAvailableClients = 9, InitialParameters = new(TestKit.Floats(0)) });
        using var client = new RawClient(server.Address);
        await client.Call.ResponseHeadersAsync.Bounded();
        server.Stop();

        var end = await Assert.ThrowsAsync<RpcException>(() => client.Call.ResponseStream.MoveNext(Token).Bounded());

        Assert.Equal(StatusCode.Unavailable, end.StatusCode);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.History.Bounded());
    }

    [Fact]
    public async Task StartAsync_ClientBeforeTheServer_JoinsWhenItIsThere()
    {
        var address = LoopbackPort.Address();
        var time = new WatchedTime();
        var log = new LogRecorder();
        var client = FederatedClient.StartAsync(
            address, LambdaClient.Adding(1, 1), new() { LoggerFactory = log, TimeProvider = time }, Token);
        await log.Next(402);
        await time.NextTimer();
        await using var server = await RunningServer.Start(new(1), SingleClient(), address: address);
        time.Advance(TimeSpan.FromSeconds(1));

        await client.Bounded();

        Assert.Equal(1, (await server.History.Bounded()).Value());
        Assert.Contains("attempt 2 follows", Assert.Single(log.WithId(402)));
    }

    [Fact]
    public async Task StartAsync_NoServerAndALimit_GivesUpWithASentence()
    {
        var address = LoopbackPort.Address();

        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedClient.StartAsync(
            address, LambdaClient.Adding(1, 1), new() { MaxAttempts = 1 }, Token).Bounded());

        Assert.StartsWith($"[client] {address} cannot be reached after 1 attempt(s): Unavailable", error.Message);
    }

    [Fact]
    public async Task StartAsync_OpenAddressWithoutCertificate_IsRefused()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => FederatedServer.StartAsync("0.0.0.0:0", new(1), new FedAvg(), null, Token));
        Assert.Contains("give a Certificate, listen on 127.0.0.1, or set AllowInsecure", error.Message);
    }

    [Fact]
    public async Task StartAsync_WithCertificate_TrustsTheGivenRootAlone()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        await using var server = await RunningServer.Start(new(1), SingleClient(), new() { Certificate = certificate });

        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedClient.StartAsync(
            server.Address, LambdaClient.Adding(1, 1), new() { UseTls = true }, Token).Bounded());
        await FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), new() { RootCertificates = [certificate] }, Token).Bounded();

        Assert.Contains("not trusted", error.Message);
        Assert.Equal(1, (await server.History.Bounded()).Value());
    }

    private static FedAvg SingleClient() => new()
    {
        InitialParameters = new(TestKit.Floats(0)),
        MinAvailableClients = 1,
        MinFitClients = 1,
        MinEvaluateClients = 1,
        FractionEvaluate = 0,
    };

    private static Wire.ClientMessage Trained(float value, long examples) => WireCodec.Encode(TestKit.Fit(examples, TestKit.Floats(value)));

    /// <summary>A client driven by hand over the generated stub.</summary>
    private sealed class RawClient : IDisposable
    {
        private readonly GrpcChannel channel;

        public RawClient(string address)
        {
            channel = GrpcChannel.ForAddress($"http://{address}");
            Call = new Wire.FlowerService.FlowerServiceClient(channel).Join(cancellationToken: Token);
        }

        public AsyncDuplexStreamingCall<Wire.ClientMessage, Wire.ServerMessage> Call { get; }

        public async Task Read(Wire.ServerMessage.MsgOneofCase expected)
        {
            Assert.True(await Call.ResponseStream.MoveNext(Token).Bounded());
            Assert.Equal(expected, Call.ResponseStream.Current.MsgCase);
        }

        public async Task Answer(Wire.ServerMessage.MsgOneofCase expected, Wire.ClientMessage answer)
        {
            await Read(expected);
            await Call.RequestStream.WriteAsync(answer, Token);
        }

        public void Dispose()
        {
            Call.Dispose();
            channel.Dispose();
        }
    }
}

/// <summary>A server of ours on a free port, stopped when disposed.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly CancellationTokenSource stop;

    private RunningServer(CancellationTokenSource stop, string address, Task<History> history) => (this.stop, Address, History) = (stop, address, history);

    public string Address { get; }

    public Task<History> History { get; }

    public void Stop() => stop.Cancel();

    public static async Task<RunningServer> Start(
        ServerConfig config, Strategy strategy, FederatedServerOptions? options = null, string address = "127.0.0.1:0")
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var bound = new TaskCompletionSource<string>();
        var history = FederatedServer.StartAsync(address, config, strategy, (options ?? new()) with { OnListening = bound.SetResult }, stop.Token);
        await Task.WhenAny(bound.Task, history).Bounded();
        return new(stop, bound.Task.IsCompleted ? await bound.Task : throw new InvalidOperationException("no server", history.Exception), history);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await ((Task)History).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }
}
