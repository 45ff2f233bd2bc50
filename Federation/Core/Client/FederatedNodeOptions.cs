using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>How a node finds its SuperLink, proves who it is, and when it leaves.</summary>
public sealed record FederatedNodeOptions : ConnectionOptions
{
    /// <summary>How to speak with the server. Default: HTTP where it answers that, else gRPC.</summary>
    public FleetWire Wire { get; init; }

    /// <summary>
    /// What carries requests over HTTP, such as one through a proxy or a browser's; null makes one. It stays the caller's to dispose, and
    /// certificates are then its matter. Default null.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; init; }

    /// <summary>
    /// The version of Flower that the node gives as its own over HTTP, as SuperNodes do; null says none, which servers take, too.
    /// Default 1.40.0, the first whose nodes speak HTTP.
    /// </summary>
    public string? FlowerVersion { get; init; } = "1.40.0";

    /// <summary>
    /// Signs the node's calls in place of a fresh key, to be the same node again or to keep the private key elsewhere; the node registers itself with it.
    /// Default null: a fresh <see cref="NodeKey"/>, in a browser a <see cref="ManagedNodeKey"/>.
    /// </summary>
    public INodeSigner? Signer { get; init; }

    /// <summary>
    /// True to sign what each call says, too, and not its time alone: a server of this project can require that, others take no notice.
    /// A signature for each call costs about a millisecond on either side. Default false.
    /// </summary>
    public bool SignContent { get; init; }

    /// <summary>The key of a node that is registered already (SuperNode authentication); null registers a fresh one. Default null.</summary>
    public NodeKey? Key { get; init; }

    /// <summary>The wait before asking again when there was no message. Default 3 s. 0 to 49 days.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan PollInterval
    {
        get;
        init => field = Interval.Timer.Check("node", nameof(PollInterval), value);
    } = TimeSpan.FromSeconds(3);

    /// <summary>How often the server is to hear from the node, 10 s to 30 min; it counts as gone after twice that. Default 30 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan HeartbeatInterval
    {
        get;
        init => field = new Interval(10, 1800).Check("node", nameof(HeartbeatInterval), value);
    } = TimeSpan.FromSeconds(30);

    /// <summary>How long after its last reply a node that is cancelled stays, for the reply to be fetched. Default 10 s. 0 to 49 days.</summary>
    /// <remarks>A node that has gone turns its finished reply into a failure. It leaves sooner when the run is over.</remarks>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan GracePeriod
    {
        get;
        init => field = Interval.Timer.Check("node", nameof(GracePeriod), value);
    } = TimeSpan.FromSeconds(10);

    /// <summary>True to leave when a run in which the node took part is over; false to stay for further runs. Default false.</summary>
    public bool LeaveAfterRun { get; init; }

    /// <summary>The most bytes of one message's arrays. Default 16 GiB. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxMessageBytes
    {
        get;
        init => field = Interval.Counts.Check("node", nameof(MaxMessageBytes), value);
    } = ObjectLimits.Default.MaxBytes;

    /// <summary>The transport to a server at an address.</summary>
    internal IFleetTransport Open(string address, ILogger log)
    {
        var uri = ToUri(address);
        return Wire switch
        {
            FleetWire.Http => OverHttp(uri, log),
            FleetWire.Grpc => OperatingSystem.IsBrowser() ? throw new NotSupportedException("[node] a browser has no gRPC: set Wire to Http") : OverGrpc(uri),
            // A handler is for HTTP alone, and may be where gRPC is not.
            _ => HttpHandler is null && !OperatingSystem.IsBrowser() ? new AutoFleetTransport(OverHttp(uri, log), OverGrpc(uri)) : OverHttp(uri, log),
        };
    }

    private GrpcFleetTransport OverGrpc(Uri uri) => new(uri, RootCertificates, KeepAliveInterval);

    private HttpFleetTransport OverHttp(Uri uri, ILogger log)
    {
        var client = HttpHandler is { } handler ? new HttpClient(handler, disposeHandler: false)
            : OperatingSystem.IsBrowser() ? new HttpClient()
            : new HttpClient(HttpHandlerTo(uri));
        return new(uri, client, FlowerVersion is { } version ? new(version) : null, MaxMessageBytes, log);
    }

    private SocketsHttpHandler HttpHandlerTo(Uri uri)
    {
        var made = GrpcChannels.Handler(uri, RootCertificates, KeepAliveInterval);
        // Sooner than a server closes it, which would lose the call that is just sent, and so that between messages there is one.
        made.PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10);
        made.UseProxy = !uri.IsLoopback;
        return made;
    }
}
