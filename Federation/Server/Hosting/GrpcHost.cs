using System.Diagnostics.CodeAnalysis;
using System.Net;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>The ports of a server: one for the bidirectional stream, and those of Fleet.</summary>
internal static class GrpcHost
{
    /// <summary>What a client may send before it is read: of very many that wait for their turn all this is held.</summary>
    private const int StreamWindow = 768 << 10;

    /// <summary>What the gRPC library looks for in a service by reflection; a trimmed program must keep it.</summary>
    private const DynamicallyAccessedMemberTypes ServiceMembers = DynamicallyAccessedMemberTypes.PublicConstructors
        | DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    /// <summary>Flower's one method on a port. A client is silent while it trains: how slow it may send is watched by message.</summary>
    public static WebApplication Build(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, JoinService service)
    {
        var builder = Listen(endpoint, HttpProtocols.Http2, options, connections, log, paced: false);
        AddGrpc(builder, service, grpc => grpc.MaxReceiveMessageSize = null);
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<JoinService>();
        return app;
    }

    /// <summary>Fleet over gRPC on a port, and over HTTP where a caller says it by TLS or begins with HTTP/2.</summary>
    public static WebApplication Build(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, FleetGate gate)
    {
        var protocols = options.Certificate is null ? HttpProtocols.Http2 : HttpProtocols.Http1AndHttp2;
        var builder = Listen(endpoint, protocols, options, connections, log, paced: true);
        AddGrpc(builder, new GrpcFleetService(gate.Desk), grpc =>
        {
            grpc.MaxReceiveMessageSize = FleetMethods.MaxObjectBytes;
            // They reach the fallback instead.
            grpc.IgnoreUnknownServices = true;
        });
        FleetOrigins.Add(builder, options.Fleet);
        var app = builder.Build();
        FleetOrigins.Use(app, options.Fleet);
        app.Use(new GrpcFleet(gate, options.PeerLimits, options.TimeProvider).InvokeAsync);
        app.UseRouting();
        app.MapGrpcService<GrpcFleetService>();
        new HttpFleet(gate, options.PeerLimits, options.TimeProvider, log).Map(app);
        app.MapFallback("{**path}", context => context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true
            ? GrpcFleet.AnswerUnknown(context) : HttpFleet.AnswerUnknown(context));
        return app;
    }

    /// <summary>Fleet over HTTP alone: HTTP/1.1, and HTTP/2 where TLS lets a caller choose it.</summary>
    public static WebApplication BuildHttp(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, FleetGate gate)
    {
        var protocols = options.Certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
        var builder = Listen(endpoint, protocols, options, connections, log, paced: true);
        FleetOrigins.Add(builder, options.Fleet);
        var app = builder.Build();
        FleetOrigins.Use(app, options.Fleet);
        app.UseRouting();
        new HttpFleet(gate, options.PeerLimits, options.TimeProvider, log).Map(app);
        app.MapFallback("{**path}", HttpFleet.AnswerUnknown);
        return app;
    }

    /// <summary>The address that a started host listens on, <c>ip:port</c>.</summary>
    public static string AddressOf(WebApplication app) =>
        new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Authority;

    private static void AddGrpc<[DynamicallyAccessedMembers(ServiceMembers)] TService>(
        WebApplicationBuilder builder, TService service, Action<GrpcServiceOptions> configure) where TService : class
    {
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxSendMessageSize = null;
            configure(grpc);
        });
        // After gRPC has put its own in: a small body could become a gigabyte, and tensors hardly shrink.
        builder.Services.PostConfigure<GrpcServiceOptions>(grpc => grpc.CompressionProviders.Clear());
        builder.Services.PostConfigure<GrpcServiceOptions<TService>>(grpc => grpc.CompressionProviders.Clear());
        builder.Services.AddSingleton(service);
    }

    private static WebApplicationBuilder Listen(
        IPEndPoint endpoint, HttpProtocols protocols, FederatedServerOptions options, OpenCount connections, ILogger log, bool paced)
    {
        var (peers, certificate) = (options.PeerLimits, options.Certificate);
        var places = new PlaceCount(peers.MaxConnections, peers.MaxConnectionsPerAddress);
        // The empty builder reads no settings files, environment or arguments: only what the caller said counts.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            var limits = kestrel.Limits;
            var pace = new MinDataRate(peers.MinBytesPerSecond, peers.StallTimeout);
            limits.MaxRequestBodySize = null;
            limits.MinRequestBodyDataRate = paced ? pace : null;
            limits.MinResponseDataRate = pace;
            limits.KeepAliveTimeout = peers.IdleConnectionTimeout;
            limits.RequestHeadersTimeout = peers.StallTimeout;
            limits.Http2.MaxStreamsPerConnection = peers.MaxStreamsPerConnection;
            limits.Http2.InitialStreamWindowSize = StreamWindow;
            limits.Http2.InitialConnectionWindowSize = 2 * StreamWindow;
            // Finds half-open connections; a client busy on all cores has a minute to answer.
            limits.Http2.KeepAlivePingDelay = TimeSpan.FromMinutes(1);
            limits.Http2.KeepAlivePingTimeout = TimeSpan.FromMinutes(1);
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = protocols;
                listen.Use(next => async connection =>
                {
                    var address = PlaceCount.AddressOf((connection.RemoteEndPoint as IPEndPoint)?.Address);
                    if (places.Enter(address, out var tell) is { } full)
                    {
                        if (tell) log.Refused("connection", address, full);
                        return;
                    }
                    connections.Add();
                    try
                    {
                        await next(connection).ConfigureAwait(false);
                    }
                    finally
                    {
                        connections.Remove();
                        places.Leave(address);
                    }
                });
                if (certificate is not null) listen.UseHttps(certificate);
            });
        });
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        return builder;
    }

    /// <summary>Leaves Ctrl-C and signals to the program this library runs in.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
