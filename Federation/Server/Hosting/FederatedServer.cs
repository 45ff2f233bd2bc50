using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>
/// A federated learning server on Flower's bidirectional stream, for our clients and stock ones of Flower 1.0 to 1.30, and with
/// <see cref="FederatedServerOptions.Fleet"/> on Flower's Fleet service, too, for SuperNodes.
/// </summary>
public static class FederatedServer
{
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
    /// <exception cref="FormatException">A key or the app bundle of <see cref="FederatedServerOptions.Fleet"/> is none.</exception>
    /// <exception cref="IOException">The port is taken, or the app bundle cannot be read.</exception>
    /// <exception cref="FederationException">No round made a new model, see <see cref="ServerConfig.AllowUntrained"/>; it holds the history.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static async Task<History> StartAsync(
        string address, ServerConfig config, Strategy strategy, FederatedServerOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(strategy);
        options ??= new();
        var endpoint = Endpoint(address, options);
        var fleet = options.Fleet;
        var ports = fleet is null ? [] : FleetPort.Of(fleet, options.Certificate is not null, address => Endpoint(address, options));
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Server");
        var registry = new ClientRegistry(log);
        var loop = ServerLoop.Create(config, strategy, registry, options, log);
        var (streams, connections) = (new OpenCount(), new OpenCount());
        var memory = new ReplyMemory(options.ReplyLimits.MaxBytesAtOnce);
        using var stopping = new CancellationTokenSource();
        using var desk = fleet is null ? null : FleetDesk.Open(fleet, registry, options, memory, log);
        var hosts = new List<WebApplication>();
        try
        {
            var join = GrpcHost.Build(endpoint, options, connections, log, new JoinService(registry, streams, options, memory, log, stopping.Token));
            hosts.Add(join);
            await join.StartAsync(cancellation).ConfigureAwait(false);
            var security = options.Certificate is null ? "not encrypted" : "with TLS";
            var bound = GrpcHost.AddressOf(join);
            log.Listening(bound, security);
            if (IsOpen(endpoint, options)) log.Insecure(bound);
            var gate = desk is null ? null : new FleetGate(desk);
            foreach (var port in ports)
            {
                var nodes = port.Build(options, connections, log, gate!);
                hosts.Add(nodes);
                await nodes.StartAsync(cancellation).ConfigureAwait(false);
                log.FleetListening(GrpcHost.AddressOf(nodes), port.Wires, security, fleet!.AppBundle ?? "none");
                if (IsOpen(port.Endpoint, options)) log.Insecure(GrpcHost.AddressOf(nodes));
                port.OnListening?.Invoke(GrpcHost.AddressOf(nodes));
            }
            options.OnListening?.Invoke(bound);
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
            foreach (var host in hosts)
            {
                await host.StopAsync(grace.Token).ConfigureAwait(false);
                await host.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>The same as a sequence of its rounds, each once it is over; leaving the sequence ends the run.</summary>
    /// <inheritdoc cref="StartAsync"/>
    public static IAsyncEnumerable<RoundReport> RoundsAsync(
        string address, ServerConfig config, Strategy strategy, FederatedServerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        return RoundStream.Of(options.OnRound, (tell, token) => StartAsync(address, config, strategy, options with { OnRound = tell }, token), cancellation);
    }

    /// <summary>Where to listen; beyond this machine only encrypted, or when the caller says that it is meant.</summary>
    /// <exception cref="ArgumentException">The address is none, or not to be listened on.</exception>
    private static IPEndPoint Endpoint(string address, FederatedServerOptions options)
    {
        var endpoint = ServerAddress.ToEndpoint(address);
        if (!IsOpen(endpoint, options) || options.AllowInsecure) return endpoint;
        throw new ArgumentException(
            $"[server] {address} is reachable from other machines and would be neither encrypted nor protected; "
            + "give a Certificate, listen on 127.0.0.1, or set AllowInsecure", nameof(address));
    }

    private static bool IsOpen(IPEndPoint endpoint, FederatedServerOptions options) =>
        !IPAddress.IsLoopback(endpoint.Address) && options.Certificate is null;
}
