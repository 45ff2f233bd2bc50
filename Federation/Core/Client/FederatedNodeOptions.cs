namespace ManagedFed.Federation;

/// <summary>How a node finds its SuperLink, proves who it is, and when it leaves.</summary>
public sealed record FederatedNodeOptions : ConnectionOptions
{
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
}
