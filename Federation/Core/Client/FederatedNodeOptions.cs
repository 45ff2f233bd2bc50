namespace ManagedFed.Federation;

/// <summary>How a node finds its SuperLink, proves who it is, and when it leaves.</summary>
public sealed record FederatedNodeOptions : ConnectionOptions
{
    /// <summary>The key of a node that is registered already (SuperNode authentication); null registers a fresh one. Default null.</summary>
    public NodeKey? Key { get; init; }

    /// <summary>The wait before asking again when there was no message. Default 3 s.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How often the server is to hear from the node, 10 s to 30 min; it counts as gone after twice that. Default 30 s.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after its last reply a node that is cancelled stays, for the reply to be fetched. Default 10 s.</summary>
    /// <remarks>A node that has gone turns its finished reply into a failure. It leaves sooner when the run is over.</remarks>
    public TimeSpan GracePeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>True to leave when a run in which the node took part is over; false to stay for further runs. Default false.</summary>
    public bool LeaveAfterRun { get; init; }

    /// <summary>The most bytes of one message's arrays. Default 16 GiB.</summary>
    public long MaxMessageBytes { get; init; } = ObjectLimits.Default.MaxBytes;
}
