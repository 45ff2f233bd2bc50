using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A port where nodes join.</summary>
/// <param name="Endpoint">Where.</param>
/// <param name="IsHttp">True for HTTP alone; false for gRPC, and HTTP where it can be told apart.</param>
/// <param name="OnListening">Told the address once nodes can join.</param>
internal sealed record FleetPort(IPEndPoint Endpoint, bool IsHttp, Action<string>? OnListening)
{
    /// <summary>What the port speaks, for people.</summary>
    public string Wires => IsHttp ? "HTTP" : "gRPC or HTTP";

    /// <summary>The ports that the options name.</summary>
    /// <param name="options">What is offered.</param>
    /// <param name="encrypted">Whether there is a certificate.</param>
    /// <param name="endpoint">Reads an address, and refuses one that is not to be listened on.</param>
    /// <exception cref="ArgumentException">There is none, an address is none, or one port would have to speak both wires without a certificate.</exception>
    public static IReadOnlyList<FleetPort> Of(FleetOptions options, bool encrypted, Func<string, IPEndPoint> endpoint)
    {
        var grpc = options.Address is { } address ? new FleetPort(endpoint(address), false, options.OnListening) : null;
        var http = options.HttpAddress is { } httpAddress ? new FleetPort(endpoint(httpAddress), true, options.OnHttpListening) : null;
        if (grpc is null && http is null) throw new ArgumentException("[server] Fleet has neither an Address nor an HttpAddress to listen on");
        if (grpc is null || http is null || !grpc.Endpoint.Equals(http.Endpoint) || grpc.Endpoint.Port == 0) return [.. new[] { grpc, http }.OfType<FleetPort>()];
        return encrypted ? [grpc with { OnListening = grpc.OnListening + http.OnListening }] : throw new ArgumentException(
            $"[server] Fleet's Address and HttpAddress are both {options.Address}: without a Certificate gRPC and HTTP need a port each");
    }

    public WebApplication Build(FederatedServerOptions options, OpenCount connections, ILogger log, FleetGate gate) => IsHttp
        ? GrpcHost.BuildHttp(Endpoint, options, connections, log, gate)
        : GrpcHost.Build(Endpoint, options, connections, log, gate);
}
