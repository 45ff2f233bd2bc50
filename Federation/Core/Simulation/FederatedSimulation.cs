using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What a simulation needs from around it.</summary>
/// <remarks>Unlike a server's, its log goes to the console by default: <see cref="ConsoleLoggerFactory"/>.</remarks>
public sealed record SimulationOptions : FederationOptions
{
    /// <summary>Options whose log is the console's.</summary>
    public SimulationOptions() => LoggerFactory = ConsoleLoggerFactory.Instance;

    /// <summary>True to pass every message through the wire's bytes, as between processes; false shares the arrays. Default false.</summary>
    public bool ThroughCodec { get; init; }
}

/// <summary>A whole federation in one process: the server's loop over clients in memory.</summary>
public static class FederatedSimulation
{
    /// <summary>Runs the rounds; all clients of a round work at once, those of an <see cref="AsyncStrategy"/> without rounds.</summary>
    /// <remarks>
    /// A client's <see cref="ClientInfo.StableName"/> is its place in the list, so a seed decides the whole run. What a client's exception says is
    /// in the log and in <see cref="History.FitFailures"/>: nothing leaves the process.
    /// </remarks>
    /// <param name="clients">The clients; they join in this order.</param>
    /// <param name="config">The number of rounds and their timeout.</param>
    /// <param name="strategy">Who works, and what becomes of the answers.</param>
    /// <param name="options">Log, clock, seed.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <returns>What was measured, and the final model.</returns>
    /// <exception cref="ArgumentException">There are fewer clients than the strategy waits for, and nobody can join a simulation.</exception>
    /// <exception cref="FederationException">
    /// No client gives initial parameters, so many clients left that the rest are too few, or no round made a new model
    /// (<see cref="ServerConfig.AllowUntrained"/>).
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static async Task<History> RunAsync(
        IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(strategy);
        options ??= new();
        ArrayClient[] all = [.. clients];
        foreach (var client in all) ArgumentNullException.ThrowIfNull(client, nameof(clients));
        RequireEnough(all.Length, config, strategy);
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Server");
        var clientLog = options.LoggerFactory.CreateLogger("ManagedFed.Client");
        var registry = new ClientRegistry(log);
        var connections = all.Select((client, i) => new InMemoryConnection(
            ClientInfo.Create($"memory:{i}", $"memory:{i:D9}"), new InstructionRunner(client, options.TimeProvider, clientLog, tellsMessages: true), options.ThroughCodec))
            .ToArray();
        try
        {
            foreach (var connection in connections) registry.Join(connection);
            registry.Close();
            return await ServerLoop.Create(config, strategy, registry, options, log).RunAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var connection in connections) connection.Dispose();
        }
    }

    /// <summary>The same as a sequence of its rounds, each once it is over; leaving the sequence ends the run.</summary>
    /// <inheritdoc cref="RunAsync"/>
    public static IAsyncEnumerable<RoundReport> RoundsAsync(
        IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        return RoundStream.Of(options.OnRound, (tell, token) => RunAsync(clients, config, strategy, options with { OnRound = tell }, token), cancellation);
    }

    /// <summary>Refuses to start what would wait for ever.</summary>
    private static void RequireEnough(int clients, ServerConfig config, Strategy strategy)
    {
        if (config.NumRounds == 0 && strategy.InitialParameters is not null) return;
        var inRounds = strategy is AsyncStrategy ? strategy.MinAvailableClients
            : Math.Max(strategy.MinAvailableClients, Math.Max(strategy.MinFitClients, strategy.FractionEvaluate > 0 ? strategy.MinEvaluateClients : 0));
        var needed = Math.Max(1, config.NumRounds == 0 ? 1 : inRounds);
        if (clients >= needed) return;
        throw new ArgumentException(
            $"[simulation] {clients} client(s) given, expected at least {needed}: {strategy} waits for so many, and nobody can join a simulation; "
            + "give more clients, or set MinAvailableClients, MinFitClients and MinEvaluateClients", nameof(clients));
    }
}
