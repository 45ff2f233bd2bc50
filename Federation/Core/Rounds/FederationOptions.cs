using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>What a run needs from around it; the defaults are silent and real.</summary>
public record FederationOptions
{
    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock of timeouts and waits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The seed of every choice of clients; without it each run chooses otherwise.</summary>
    public int? Seed { get; init; }

    /// <summary>How far a client's update may lead. Default: wide limits that follow what is usual; <see cref="UpdateLimits.None"/> switches them off.</summary>
    public UpdateLimits UpdateLimits { get; init; } = new();

    /// <summary>How often a server that lacks clients says so. Default 5 s.</summary>
    public TimeSpan WaitingInterval { get; init; } = TimeSpan.FromSeconds(5);
}
