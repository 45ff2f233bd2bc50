namespace ManagedFed.Federation;

/// <summary>How a server offers Flower's Fleet service, by which SuperNodes join: stock ones and our own nodes.</summary>
public sealed record FleetOptions
{
    /// <summary>
    /// Where to listen for gRPC, which Flower 1.23 to 1.39 speaks: <c>ip:port</c>, port 0 for a free one; null for nowhere. Default: this
    /// machine alone, on Flower's port 9092. The port answers HTTP, too: HTTP/2 to who begins with it, with a certificate also HTTP/1.1.
    /// </summary>
    public string? Address { get; init; } = "127.0.0.1:9092";

    /// <summary>
    /// Where to listen for HTTP, which Flower 1.40 and later speaks (there usually port 8000): <c>ip:port</c>; null for nowhere. Default null.
    /// With a certificate it may be <see cref="Address"/>: then one port speaks both.
    /// </summary>
    public string? HttpAddress { get; init; }

    /// <summary>
    /// The pages whose scripts may join over HTTP from a browser (CORS), each by its origin, for example <c>https://example.org</c> or
    /// <c>http://127.0.0.1:5000</c>; <c>*</c> stands for every page. It is browsers that keep to it: who may join at all is said by <see cref="AllowedKeys"/>.
    /// Default: none.
    /// </summary>
    /// <exception cref="ArgumentException">An entry is no origin.</exception>
    public IReadOnlyList<string> AllowedOrigins
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = [.. value.Select(FleetOrigins.Checked)];
        }
    } = [];

    /// <summary>
    /// The file of the app bundle (<c>flwr build</c> makes one) that stock SuperNodes fetch and run. It is only handed out here,
    /// never executed. Without it stock SuperNodes have nothing to run; our own nodes need none.
    /// </summary>
    public string? AppBundle { get; init; }

    /// <summary>How the nodes' apps are spoken to. Default: as each understands.</summary>
    public FleetInterface Interface { get; init; }

    /// <summary>
    /// The public keys of the only nodes that may join, each as PEM or as the line of an OpenSSH <c>.pub</c> file; null lets every
    /// node register itself.
    /// </summary>
    public IReadOnlyList<string>? AllowedKeys { get; init; }

    /// <summary>
    /// True to take only calls whose whole content is signed, and each once. Our own nodes sign with <see cref="FederatedNodeOptions.SignContent"/>;
    /// Flower's, which sign the time of a call alone, are told so and refused. Default false: what is signed is checked, the rest is taken.
    /// </summary>
    public bool RequireSignedContent { get; init; }

    /// <summary>The most bytes of one reply, whatever was asked. Default 2 GiB, which is the most of the bidirectional stream, too. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxReplyBytes
    {
        get;
        init => field = Interval.Counts.Check("fleet", nameof(MaxReplyBytes), value);
    } = 2L << 30;

    /// <summary>
    /// The most nodes that may be registered at once. Beyond it a new one takes the place of the one that was offline for longest.
    /// Default 10,000. At least 1.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxNodes
    {
        get;
        init => field = Interval.Counts.Check("fleet", nameof(MaxNodes), value);
    } = 10_000;

    /// <summary>The most nodes that may be registered from one address (of IPv6 one network of 64 bits). Default 2,000. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxNodesPerAddress
    {
        get;
        init => field = Interval.Counts.Check("fleet", nameof(MaxNodesPerAddress), value);
    } = 2_000;

    /// <summary>How long after its registration or last sign of life an offline node keeps its place when places are short. Default 1 min. Above 0.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan RegistrationTimeout
    {
        get;
        init => field = Interval.Period.Check("fleet", nameof(RegistrationTimeout), value);
    } = TimeSpan.FromMinutes(1);

    /// <summary>Called with the address, <c>ip:port</c>, when nodes can join over gRPC.</summary>
    public Action<string>? OnListening { get; init; }

    /// <summary>Called with the address, <c>ip:port</c>, when nodes can join over HTTP at <see cref="HttpAddress"/>.</summary>
    public Action<string>? OnHttpListening { get; init; }
}
