using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>What a run needs from around it; the defaults are silent and real.</summary>
public record FederationOptions
{
    private readonly int? maxConcurrency;

    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock of timeouts and waits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The seed of every choice of clients; without it each run chooses otherwise.</summary>
    /// <remarks>
    /// Choices follow the order of the clients' stable names (<see cref="ClientInfo.StableName"/>), and those without in the order they join. With
    /// a seed the initial parameters are asked for when <see cref="Strategy.MinAvailableClients"/> are there, without one of the first client.
    /// </remarks>
    public int? Seed { get; init; }

    /// <summary>Told of each round once it is over, and waited for: what it did and measured, and the history with the model so far.</summary>
    /// <remarks>What it throws ends the run. Nothing of the history may be changed.</remarks>
    public Func<RoundReport, History, CancellationToken, ValueTask>? OnRound { get; init; }

    /// <summary>Ends the run after a round when it says so, see <see cref="Federation.StopWhen"/>; null works all rounds.</summary>
    public Func<History, bool>? StopWhen { get; init; }

    /// <summary>Where the run is kept, so that the next server goes on with it; null keeps nothing.</summary>
    public RunStore? RunStore { get; init; }

    /// <summary>
    /// How long a round waits for a client with a <see cref="ClientInfo.StableName"/> that was lost to come back and be asked again, above 0 up to
    /// 49 days, and at most <see cref="ServerConfig.RoundTimeout"/>. Default null: until
    /// <see cref="ServerConfig.RoundDeadline"/> if there is one, else 60 s where <see cref="RunStore"/> keeps the run, else not at all.
    /// </summary>
    /// <remarks>Without rounds nobody waits: a client that comes back is asked for something new.</remarks>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan? ReturnTimeout { get; init => field = value is { } time ? Interval.Period.Check("server", nameof(ReturnTimeout), time) : null; }

    /// <summary>Writes the global model to files for others every few rounds; null writes none.</summary>
    public CheckpointEvery? Checkpoint { get; init; }

    /// <summary>How far a client's update may lead. Default: wide limits that follow what is usual; <see cref="UpdateLimits.None"/> switches them off.</summary>
    public UpdateLimits UpdateLimits { get; init; } = new();

    /// <summary>How often a server that lacks clients says so, and whom it waits for, above 0 up to 49 days. Default 5 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan WaitingInterval { get; init => field = Interval.Period.Check("server", nameof(WaitingInterval), value); } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The most clients of a round at work at once, at least 1; the others wait for their turn, and a round's timeout begins with it.
    /// Default null: all of them. A server holds as many models as arrive at the same time; this keeps them few.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int? MaxConcurrency
    {
        get => maxConcurrency;
        init => maxConcurrency = value is null or >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), $"[server] MaxConcurrency is {value}, expected at least 1, or null for no limit");
    }
}
