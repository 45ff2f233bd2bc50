using System.Diagnostics.CodeAnalysis;
using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A port that speaks gRPC over HTTP/2, for one service.</summary>
internal static class GrpcHost
{
    private const int StreamWindow = 8 << 20;

    /// <summary>What the gRPC library looks for in a service by reflection; a trimmed program must keep it.</summary>
    private const DynamicallyAccessedMemberTypes ServiceMembers = DynamicallyAccessedMemberTypes.PublicConstructors
        | DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    /// <summary>Flower's one method on a port. A client is silent while it trains: how slow it may send is watched by message.</summary>
    public static WebApplication Build(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, JoinService service) =>
        Build(endpoint, options, connections, log, service, null, grpc => grpc.MaxReceiveMessageSize = null);

    /// <summary>The Fleet service on a port; a call that it does not know is answered with a sentence.</summary>
    public static WebApplication Build(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, FleetService service)
    {
        var gate = new FleetGate(service.Desk, options.PeerLimits, options.TimeProvider);
        var app = Build(
            endpoint, options, connections, log, service, gate, grpc =>
            {
                grpc.MaxReceiveMessageSize = FleetGate.MaxObjectBytes;
                // They reach the fallback instead.
                grpc.IgnoreUnknownServices = true;
            });
        app.MapFallback("{**path}", context =>
        {
            FleetGate.Answer(context, new(StatusCode.Unimplemented, FleetVersion.Unknown(context.Request.Path)));
            return Task.CompletedTask;
        });
        return app;
    }

    /// <summary>The address that a started host listens on, <c>ip:port</c>.</summary>
    public static string AddressOf(WebApplication app) =>
        new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Authority;

    private static WebApplication Build<[DynamicallyAccessedMembers(ServiceMembers)] TService>(
        IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, ILogger log, TService service, FleetGate? gate,
        Action<GrpcServiceOptions> configure) where TService : class
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
            limits.MinRequestBodyDataRate = gate is null ? null : pace;
            limits.MinResponseDataRate = pace;
            limits.KeepAliveTimeout = peers.IdleConnectionTimeout;
            limits.Http2.MaxStreamsPerConnection = peers.MaxStreamsPerConnection;
            limits.Http2.InitialStreamWindowSize = StreamWindow;
            limits.Http2.InitialConnectionWindowSize = 2 * StreamWindow;
            // Finds half-open connections; a client busy on all cores has a minute to answer.
            limits.Http2.KeepAlivePingDelay = TimeSpan.FromMinutes(1);
            limits.Http2.KeepAlivePingTimeout = TimeSpan.FromMinutes(1);
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
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
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxSendMessageSize = null;
            configure(grpc);
        });
        // After gRPC has put its own in: a small body could become a gigabyte, and tensors hardly shrink.
        builder.Services.PostConfigure<GrpcServiceOptions>(grpc => grpc.CompressionProviders.Clear());
        builder.Services.PostConfigure<GrpcServiceOptions<TService>>(grpc => grpc.CompressionProviders.Clear());
        builder.Services.AddSingleton(service);
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        var app = builder.Build();
        if (gate is not null) app.Use(gate.InvokeAsync);
        app.UseRouting();
        app.MapGrpcService<TService>();
        return app;
    }

    /// <summary>Leaves Ctrl-C and signals to the program this library runs in.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
