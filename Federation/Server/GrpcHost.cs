using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography.X509Certificates;
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

namespace ManagedFed.Federation;

/// <summary>A port that speaks gRPC over HTTP/2, for one service.</summary>
internal static class GrpcHost
{
    private const int StreamWindow = 8 << 20;

    /// <summary>What the gRPC library looks for in a service by reflection; a trimmed program must keep it.</summary>
    private const DynamicallyAccessedMemberTypes ServiceMembers = DynamicallyAccessedMemberTypes.PublicConstructors
        | DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    /// <summary>Flower's one method on a port.</summary>
    public static WebApplication Build(IPEndPoint endpoint, X509Certificate2? certificate, OpenCount connections, JoinService service) =>
        Build(endpoint, certificate, connections, service, grpc => grpc.MaxReceiveMessageSize = null);

    /// <summary>The Fleet service on a port; a call that it does not know is answered with a sentence.</summary>
    public static WebApplication Build(IPEndPoint endpoint, X509Certificate2? certificate, OpenCount connections, FleetService service)
    {
        var app = Build(endpoint, certificate, connections, service, grpc =>
        {
            grpc.MaxReceiveMessageSize = FleetService.MaxRequestBytes;
            // They reach the fallback instead.
            grpc.IgnoreUnknownServices = true;
        });
        app.MapFallback("{**path}", context =>
        {
            var response = context.Response;
            response.ContentType = "application/grpc";
            response.Headers["grpc-status"] = $"{(int)StatusCode.Unimplemented}";
            response.Headers["grpc-message"] = Uri.EscapeDataString(FleetVersion.Unknown(context.Request.Path));
            return Task.CompletedTask;
        });
        return app;
    }

    /// <summary>The address that a started host listens on, <c>ip:port</c>.</summary>
    public static string AddressOf(WebApplication app) =>
        new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Authority;

    private static WebApplication Build<[DynamicallyAccessedMembers(ServiceMembers)] TService>(
        IPEndPoint endpoint, X509Certificate2? certificate, OpenCount connections, TService service, Action<GrpcServiceOptions> configure) where TService : class
    {
        // The empty builder reads no settings files, environment or arguments: only what the caller said counts.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            var limits = kestrel.Limits;
            limits.MaxRequestBodySize = null;
            // A client is silent while it trains, and slow when its network is.
            limits.MinRequestBodyDataRate = null;
            limits.MinResponseDataRate = null;
            limits.Http2.MaxStreamsPerConnection = 1000;
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
                    connections.Add();
                    try
                    {
                        await next(connection).ConfigureAwait(false);
                    }
                    finally
                    {
                        connections.Remove();
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
            grpc.CompressionProviders.Clear();
            configure(grpc);
        });
        builder.Services.AddSingleton(service);
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        var app = builder.Build();
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
