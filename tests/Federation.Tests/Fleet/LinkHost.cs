using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>The SuperLink in memory behind a port, over gRPC or HTTP: passes calls on, with the headers they came with.</summary>
internal sealed class LinkHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private LinkHost(WebApplication app) => this.app = app;

    public string Address => new Uri(app.Urls.Single()).Authority;

    /// <param name="link">Whom calls are passed on to; null for a server without Fleet.</param>
    /// <param name="isHttp">HTTP or gRPC.</param>
    /// <param name="certificate">Makes it speak TLS.</param>
    /// <param name="port">Where; 0 for a free one.</param>
    public static async Task<LinkHost> StartAsync(FakeSuperLink? link, bool isHttp, X509Certificate2? certificate = null, int port = 0)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port, listen =>
        {
            listen.Protocols = !isHttp ? HttpProtocols.Http2 : certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
            if (certificate is not null) listen.UseHttps(certificate);
        }));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = 8 << 20);
        if (link is not null) builder.Services.AddSingleton(new Service(link));
        var app = builder.Build();
        app.UseRouting();
        if (link is not null && isHttp)
        {
            foreach (var method in FleetMethods.Names) app.MapPost(FleetMethods.Folder + FleetMethods.Path(method), context => PassAsync(link, method, context));
        }
        else if (link is not null)
        {
            app.MapGrpcService<Service>();
        }
        await app.StartAsync();
        return new(app);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    private static async Task PassAsync(FakeSuperLink link, string method, HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, context.RequestAborted);
        var headers = new SignedHeaders(
            Convert.FromBase64String(request.Headers["flwr-public-key"]!), request.Headers["flwr-timestamp"]!, Convert.FromBase64String(request.Headers["flwr-signature"]!));
        link.Versions.Enqueue($"{request.Headers["flwr-package-name"]} {request.Headers["flwr-package-version"]} {request.Headers["flwr-component-name"]}");
        if (link.VersionWarning is { } warning) response.Headers["flwr-version-incompatibility-message"] = warning;
        try
        {
            var answer = await link.CallAsync(method, body.ToArray(), headers, context.RequestAborted);
            response.ContentType = "application/protobuf";
            await response.Body.WriteAsync(answer, context.RequestAborted);
        }
        catch (FleetException refusal)
        {
            (response.StatusCode, var code) = HttpFleet.CodeOf(refusal.Fault);
            response.ContentType = "application/json";
            var told = JsonSerializer.Serialize(new { code, public_message = refusal.Message, public_details = "" });
            await response.WriteAsync(response.StatusCode == 401 ? JsonSerializer.Serialize(new { detail = refusal.Message }) : told, context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
    }

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
                context.RequestHeaders.GetValueBytes("flwr-public-key-bin"), context.RequestHeaders.GetValue("flwr-timestamp")!,
                context.RequestHeaders.GetValueBytes("flwr-signature-bin"));
            var method = context.Method[(context.Method.LastIndexOf('/') + 1)..];
            try
            {
                return parser.ParseFrom(await link.CallAsync(method, request.ToByteArray(), headers, context.CancellationToken));
            }
            catch (FleetException refusal)
            {
                throw new RpcException(new(GrpcFleet.CodeOf(refusal.Fault), refusal.Message));
            }
        }
    }
}
