namespace ManagedFed.Federation;

/// <summary>How much of a server its peers may take up, and how slow they may be, on either port; refused peers may try again.</summary>
/// <remarks>An address is one of IPv4, or a network of 64 bits of IPv6, of which one peer has all.</remarks>
public sealed record PeerLimits
{
    /// <summary>The seconds of waits here: the web server looks at its connections once a second.</summary>
    private static readonly Interval Waits = Interval.Timer with { Low = 1, LowOpen = true };

    /// <summary>The most connections to a port. Default 10,000. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxConnections
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MaxConnections), value);
    } = 10_000;

    /// <summary>The most connections from one address. Default 2,000. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxConnectionsPerAddress
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MaxConnectionsPerAddress), value);
    } = 2_000;

    /// <summary>The most streams or calls at once on one connection. Default 100. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxStreamsPerConnection
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MaxStreamsPerConnection), value);
    } = 100;

    /// <summary>The most clients on the bidirectional stream. Default 10,000. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxClients
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MaxClients), value);
    } = 10_000;

    /// <summary>The most clients on the bidirectional stream from one address. Default 2,000. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxClientsPerAddress
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MaxClientsPerAddress), value);
    } = 2_000;

    /// <summary>How long a connection without a stream or call may stay. Default 1 min. Above 1 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan IdleConnectionTimeout
    {
        get;
        init => field = Waits.Check("peer_limits", nameof(IdleConnectionTimeout), value);
    } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The least bytes a second, over <see cref="StallTimeout"/>, of a message that a peer has begun to send or is to read.
    /// Default 4096. How long a client may work is another matter: that is the round's timeout.
    /// </summary>
    public int MinBytesPerSecond
    {
        get;
        init => field = Interval.Counts.Check("peer_limits", nameof(MinBytesPerSecond), value);
    } = 4096;

    /// <summary>How long a peer may be slower than <see cref="MinBytesPerSecond"/> before its stream is ended. Default 30 s. Above 1 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan StallTimeout
    {
        get;
        init => field = Waits.Check("peer_limits", nameof(StallTimeout), value);
    } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that one call of Fleet may take, at least 1 s; a call carries up to 5 MiB. Default 5 min. Above 1 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan MaxCallTime
    {
        get;
        init => field = Waits.Check("peer_limits", nameof(MaxCallTime), value);
    } = TimeSpan.FromMinutes(5);
}
