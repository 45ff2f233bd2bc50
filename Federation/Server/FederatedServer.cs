using System.Net;
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

/// <summary>A federated learning server on Flower's bidirectional stream, for our clients and stock ones of Flower 1.0 to 1.30.</summary>
public static class FederatedServer
{
    private const int StreamWindow = 8 << 20;

    /// <summary>Listens, runs the rounds, says goodbye to the clients and stops.</summary>
    /// <param name="address">
    /// Where to listen: <c>127.0.0.1:8080</c>, <c>[::]:8080</c>, port 0 for a free one. Beyond this machine only with a
    /// certificate or <see cref="FederatedServerOptions.AllowInsecure"/>.
    /// </param>
    /// <param name="config">The number of rounds and their timeout.</param>
    /// <param name="strategy">Who works, and what becomes of the answers.</param>
    /// <param name="options">Certificate, log, clock, seed.</param>
    /// <param name="cancellation">Ends the run; clients see the server as unavailable and try again.</param>
    /// <returns>What was measured, and the final model.</returns>
    /// <exception cref="ArgumentException">The address is none, or not to be listened on without a certificate.</exception>
    /// <exception cref="IOException">The port is taken.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static async Task<History> StartAsync(
        string address, ServerConfig config, Strategy strategy, FederatedServerOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(strategy);
        options ??= new();
        var endpoint = ServerAddress.ToEndpoint(address);
        var isOpen = !IPAddress.IsLoopback(endpoint.Address) && options.Certificate is null;
        if (isOpen && !options.AllowInsecure)
        {
            throw new ArgumentException(
                $"[server] {address} is reachable from other machines and would be neither encrypted nor protected; "
                + "give a Certificate, listen on 127.0.0.1, or set AllowInsecure", nameof(address));
        }

        var log = options.LoggerFactory.CreateLogger("ManagedFed.Server");
        var registry = new ClientRegistry(log);
        var loop = new RoundLoop(config, strategy, registry, options, log);
        var (streams, connections) = (new OpenCount(), new OpenCount());
        using var stopping = new CancellationTokenSource();
        var app = Build(endpoint, options, connections, new JoinService(registry, streams, log, stopping.Token));
        await using (app.ConfigureAwait(false))
        {
            await app.StartAsync(cancellation).ConfigureAwait(false);
            var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
            log.Listening(bound.Authority, options.Certificate is null ? "not encrypted" : "with TLS");
            if (isOpen) log.Insecure(bound.Authority);
            options.OnListening?.Invoke(bound.Authority);
            try
            {
                return await loop.RunAsync(cancellation).ConfigureAwait(false);
            }
            finally
            {
                // Kestrel calls a response complete when it is queued, and stopping may overtake it: the client would see a broken
                // connection instead of its status. So first the streams end, then the clients may hang up, then the server stops.
                await stopping.CancelAsync().ConfigureAwait(false);
                await streams.WaitForNoneAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
                await connections.WaitForNoneAsync(TimeSpan.FromMilliseconds(250)).ConfigureAwait(false);
                using var grace = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                await app.StopAsync(grace.Token).ConfigureAwait(false);
            }
        }
    }

    private static WebApplication Build(IPEndPoint endpoint, FederatedServerOptions options, OpenCount connections, JoinService service)
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
                if (options.Certificate is { } certificate) listen.UseHttps(certificate);
            });
        });
        if (options.Certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = null;
            grpc.MaxSendMessageSize = null;
            grpc.CompressionProviders.Clear();
        });
        builder.Services.AddSingleton(service);
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<JoinService>();
        return app;
    }

    /// <summary>Leaves Ctrl-C and signals to the program this library runs in.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
