using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Our client against servers that behave as stock Flower ones do, driven by hand.</summary>
public sealed class FakeFlowerServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A stock server says nothing, not even headers, before its first instruction: the call must arrive all the same.</summary>
    [Fact]
    public async Task StartAsync_SilentServer_ReceivesTheCallAtOnce()
    {
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token);
        var stream = await server.NextStream();
        await stream.Ask(new ReconnectInstructions(0));
        stream.End.SetResult(Status.DefaultSuccess);
        await client.Bounded();
    }

    [Fact]
    public async Task StartAsync_WholeSession_AnswersEachInstruction()
    {
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(2, 7), cancellation: Token);
        var stream = await server.NextStream();
        var model = new Parameters(TestKit.Floats(1));

        var parameters = (GetParametersResult)await stream.Ask(new GetParametersInstructions(TestKit.NoValues));
        var properties = (GetPropertiesResult)await stream.Ask(new GetPropertiesInstructions(TestKit.NoValues));
        var fit = (FitResult)await stream.Ask(new FitInstructions(model, TestKit.NoValues));
        var evaluation = (EvaluateResult)await stream.Ask(new EvaluateInstructions(model, TestKit.NoValues));
        var goodbye = await stream.Ask(new ReconnectInstructions(0));
        stream.End.SetResult(new(StatusCode.Unavailable, "Cancelling all calls"));
        await client.Bounded();

        Assert.Equal([0f], parameters.Parameters.Arrays[0].ToArray<float>());
        Assert.Equal(new ResultStatus(ResultCode.GetPropertiesNotImplemented, "Client does not implement `get_properties`"), properties.Status);
        Assert.Equal((3f, 7L), (Assert.Single(fit.Parameters.Arrays[0].ToArray<float>()), fit.NumExamples));
        Assert.Equal((1f, 7L, 4.0), (evaluation.Loss, evaluation.NumExamples, evaluation.Metrics["accuracy"].AsDouble()));
        Assert.Equal(new DisconnectResult(DisconnectReason.Reconnect), goodbye);
    }

    [Fact]
    public async Task StartAsync_ServerThatNeverEndsTheStream_IsLeftAfterTheGoodbye()
    {
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token);
        var stream = await server.NextStream();
        await stream.Ask(new ReconnectInstructions(0));
        await client.Bounded();
        Assert.False(stream.End.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task StartAsync_ReconnectAfterSeconds_ComesBackThen()
    {
        var time = new WatchedTime();
        var log = new LogRecorder();
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), new() { TimeProvider = time, LoggerFactory = log }, Token);
        var first = await server.NextStream();
        await first.Ask(new ReconnectInstructions(5));
        first.End.SetResult(Status.DefaultSuccess);
        await log.Next(408);
        // The limit of the goodbye, then the wait.
        await time.NextTimer();
        await time.NextTimer();
        time.Advance(TimeSpan.FromSeconds(5));
        var second = await server.NextStream();
        await second.Ask(new ReconnectInstructions(0));
        second.End.SetResult(Status.DefaultSuccess);
        await client.Bounded();
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.OK)]
    public async Task StartAsync_LostServer_SaysSoAndJoinsAgain(StatusCode status)
    {
        var time = new WatchedTime();
        var log = new LogRecorder();
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), new() { TimeProvider = time, LoggerFactory = log }, Token);
        var first = await server.NextStream();
        await first.Ask(new GetParametersInstructions(TestKit.NoValues));
        first.End.SetResult(new(status, "gone"));
        await log.Next(416);
        Assert.Empty(log.WithId(402));
        await time.NextTimer();
        time.Advance(TimeSpan.FromSeconds(1));
        var second = await server.NextStream();
        await second.Ask(new ReconnectInstructions(0));
        second.End.SetResult(Status.DefaultSuccess);
        await client.Bounded();
    }

    [Fact]
    public async Task StartAsync_ServerLostWhileTraining_StopsTheTraining()
    {
        var time = new FakeTimeProvider();
        var (begun, stopped) = (new TaskCompletionSource(), new TaskCompletionSource());
        var training = new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                using var note = cancellation.Register(stopped.SetResult);
                begun.SetResult();
                await Task.Delay(Timeout.Infinite, cancellation);
                return new(parameters, 1);
            },
        };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var server = await FakeServer.Start();
        var client = FederatedClient.StartAsync(server.Address, training, new() { TimeProvider = time }, leave.Token);
        var stream = await server.NextStream();
        await stream.Send(new FitInstructions(new Parameters(TestKit.Floats(1)), TestKit.NoValues));
        await begun.Task.Bounded();
        stream.End.SetResult(new(StatusCode.Unavailable, "gone"));
        await stopped.Task.Bounded();

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.Bounded());
    }

    [Fact]
    public async Task StartAsync_ClientCodeThatThrows_IsReportedAndInTheEndThrown()
    {
        var log = new LogRecorder();
        await using var server = await FakeServer.Start();
        var broken = new LambdaClient { Fit = (_, _, _) => throw new TimeZoneNotFoundException("private") };
        var client = FederatedClient.StartAsync(server.Address, broken, new() { MaxErrors = 2, LoggerFactory = log }, Token);
        var stream = await server.NextStream();
        var fit = new FitInstructions(new Parameters(TestKit.Floats(1)), TestKit.NoValues);

        var expected = new ResultStatus(ResultCode.FitNotImplemented, "Client failed to fit: TimeZoneNotFoundException");
        Assert.Equal(expected, ((FitResult)await stream.Ask(fit)).Status);
        Assert.Equal(expected, ((FitResult)await stream.Ask(fit)).Status);
        Assert.Equal("private", (await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => client.Bounded())).Message);
        Assert.Equal(2, log.WithId(406).Count);
    }

    [Fact]
    public async Task StartAsync_OtherGrpcServer_IsRefusedWithASentence()
    {
        await using var server = await FakeServer.Start(withService: false);
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token).Bounded());
        Assert.Contains("is a gRPC server, but not of Flower's bidirectional stream", error.Message);
    }

    /// <summary>One client's stream, driven by the test.</summary>
    private sealed class FakeStream(IAsyncStreamReader<Wire.ClientMessage> requests, IServerStreamWriter<Wire.ServerMessage> responses)
    {
        /// <summary>Set by the test to end the stream with a status.</summary>
        public TaskCompletionSource<Status> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Send(Instruction instruction) => responses.WriteAsync(WireCodec.Encode(instruction), Token);

        public async Task<Reply> Ask(Instruction instruction)
        {
            await Send(instruction);
            Assert.True(await requests.MoveNext(Token).Bounded());
            return WireCodec.Decode(requests.Current);
        }
    }

    private sealed class FakeService(ChannelWriter<FakeStream> streams) : Wire.FlowerService.FlowerServiceBase
    {
        public override async Task Join(
            IAsyncStreamReader<Wire.ClientMessage> requests, IServerStreamWriter<Wire.ServerMessage> responses, ServerCallContext context)
        {
            var stream = new FakeStream(requests, responses);
            await streams.WriteAsync(stream, Token);
            using var gone = context.CancellationToken.Register(() => stream.End.TrySetCanceled());
            var status = await stream.End.Task;
            if (status.StatusCode != StatusCode.OK) throw new RpcException(status);
        }
    }

    private sealed class FakeServer(WebApplication app, ChannelReader<FakeStream> streams) : IAsyncDisposable
    {
        public string Address => new Uri(((IApplicationBuilder)app).ServerFeatures.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

        public Task<FakeStream> NextStream() => streams.ReadAsync(Token).AsTask().Bounded();

        public static async Task<FakeServer> Start(bool withService = true)
        {
            var streams = Channel.CreateUnbounded<FakeStream>();
            var builder = WebApplication.CreateEmptyBuilder(new());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
                kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            builder.Services.AddRoutingCore();
            builder.Services.AddGrpc();
            builder.Services.AddSingleton(new FakeService(streams.Writer));
            var app = builder.Build();
            app.UseRouting();
            if (withService) app.MapGrpcService<FakeService>();
            await app.StartAsync(Token);
            return new(app, streams.Reader);
        }

        public async ValueTask DisposeAsync()
        {
            using var now = new CancellationTokenSource(TimeSpan.Zero);
            await app.StopAsync(now.Token);
            await app.DisposeAsync();
        }
    }
}
