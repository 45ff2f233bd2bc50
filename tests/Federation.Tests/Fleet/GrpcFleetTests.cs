using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A node over real connections.</summary>
public sealed class GrpcFleetTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_OverTls_WorksThroughARestart()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        var time = new SkippingTime();
        using var link = new FakeSuperLink(time);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // 12 MiB and a header: three pieces each way.
        var model = NdArray.Zeros([3 << 20]);
        model.AsSpan<float>()[^1] = 1;

        var first = await StartAsync(link, certificate, 0);
        var port = new Uri(first.Urls.Single()).Port;
        link.Send("train", new RecordDict(("arrays", new ArrayRecord(("w", model)))));
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput([Plus(parameters[0], 1)], 5)),
        };
        var node = FederatedNode.StartAsync(
            $"127.0.0.1:{port}", client, new FederatedNodeOptions { TimeProvider = time, Random = new Tenth(), RootCertificates = [certificate] }, leave.Token);
        Assert.Equal((1f, 2f), Ends(await link.NextReply()));
        // Message, dict, two records, the array and its three pieces.
        Assert.Equal(8, link.Pushed.Count);

        await StopAsync(first);
        var second = await StartAsync(link, certificate, port);
        link.Send("train", new RecordDict(("arrays", new ArrayRecord(("w", Plus(model, 1))))));
        Assert.Equal((2f, 3f), Ends(await link.NextReply()));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Bounded());
        Assert.Equal("UnregisterNode", link.Calls.Last());
        await StopAsync(second);
    }

    [Fact]
    public async Task Node_OfAServerWithoutFleet_IsRefusedWithASentence()
    {
        var time = new SkippingTime();
        var server = await StartAsync(null, null, 0);
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedNode.StartAsync(
            server.Urls.Single(), LambdaClient.Adding(1, 1), new() { TimeProvider = time }, Token).Bounded());
        Assert.Contains("its Fleet service is not that of Flower 1.23 or later", error.Message, StringComparison.Ordinal);
        await StopAsync(server);
    }

    private static NdArray Plus(NdArray array, float more) => NdArray.From<float>([.. array.ToArray<float>().Select(value => value + more)], array.Shape);

    private static (float First, float Last) Ends(FleetMessage reply)
    {
        var values = reply.Content!.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>();
        return (values[0], values[^1]);
    }

    private static async Task<WebApplication> StartAsync(FakeSuperLink? link, X509Certificate2? certificate, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (certificate is not null) listen.UseHttps(certificate);
        }));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = 8 << 20);
        if (link is not null) builder.Services.AddSingleton(new Service(link));
        var app = builder.Build();
        app.UseRouting();
        if (link is not null) app.MapGrpcService<Service>();
        await app.StartAsync(Token);
        return app;
    }

    private static async Task StopAsync(WebApplication app)
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    /// <summary>Passes calls on to the SuperLink in memory, with the headers they came with.</summary>
    private sealed class Service(FakeSuperLink link) : Wire.Fleet.FleetBase
    {
        public override Task<Wire.RegisterNodeResponse> RegisterNode(Wire.RegisterNodeRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.RegisterNodeResponse.Parser);

        public override Task<Wire.ActivateNodeResponse> ActivateNode(Wire.ActivateNodeRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.ActivateNodeResponse.Parser);

        public override Task<Wire.DeactivateNodeResponse> DeactivateNode(Wire.DeactivateNodeRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.DeactivateNodeResponse.Parser);

        public override Task<Wire.UnregisterNodeResponse> UnregisterNode(Wire.UnregisterNodeRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.UnregisterNodeResponse.Parser);

        public override Task<Wire.SendNodeHeartbeatResponse> SendNodeHeartbeat(Wire.SendNodeHeartbeatRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.SendNodeHeartbeatResponse.Parser);

        public override Task<Wire.PullMessagesResponse> PullMessages(Wire.PullMessagesRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.PullMessagesResponse.Parser);

        public override Task<Wire.PushMessagesResponse> PushMessages(Wire.PushMessagesRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.PushMessagesResponse.Parser);

        public override Task<Wire.GetRunResponse> GetRun(Wire.GetRunRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.GetRunResponse.Parser);

        public override Task<Wire.PullObjectResponse> PullObject(Wire.PullObjectRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.PullObjectResponse.Parser);

        public override Task<Wire.PushObjectResponse> PushObject(Wire.PushObjectRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.PushObjectResponse.Parser);

        public override Task<Wire.ConfirmMessageReceivedResponse> ConfirmMessageReceived(
            Wire.ConfirmMessageReceivedRequest request, ServerCallContext context) =>
            PassAsync(request, context, Wire.ConfirmMessageReceivedResponse.Parser);

        private async Task<T> PassAsync<T>(IMessage request, ServerCallContext context, MessageParser<T> parser) where T : IMessage<T>
        {
            var headers = new SignedHeaders(
                context.RequestHeaders.GetValueBytes(SignedHeaders.PublicKeyName), context.RequestHeaders.GetValue(SignedHeaders.TimestampName)!,
                context.RequestHeaders.GetValueBytes(SignedHeaders.SignatureName));
            var method = context.Method[(context.Method.LastIndexOf('/') + 1)..];
            return parser.ParseFrom(await link.CallAsync(method, request.ToByteArray(), headers, context.CancellationToken));
        }
    }
}
