using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>How a node finds its SuperLink, proves who it is, and when it leaves.</summary>
public sealed record FederatedNodeOptions
{
    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock of waits, signatures and messages.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The chance in waits and heartbeats.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>The most attempts in a row that may fail to reach the server; null for no limit. Default null.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>The longest time without a server before the node gives up; null for no limit. Default null.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>How often in a row the client's own code may throw before <c>StartAsync</c> throws it on. Default 3.</summary>
    public int MaxErrors { get; init; } = 3;

    /// <summary>Certificates to trust instead of the system's; also makes a plain address encrypted.</summary>
    public X509Certificate2Collection? RootCertificates { get; init; }

    /// <summary>True to encrypt also when the address has no <c>https://</c>. Default: when <see cref="RootCertificates"/> are given.</summary>
    public bool UseTls { get; init; }

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
