using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What a simulation needs from around it.</summary>
public sealed record SimulationOptions : FederationOptions
{
    /// <summary>True to pass every message through the wire's bytes, as between processes; false shares the arrays. Default false.</summary>
    public bool ThroughCodec { get; init; }
}

/// <summary>A whole federation in one process: the server's loop over clients in memory.</summary>
public static class FederatedSimulation
{
    /// <summary>Runs the rounds; all clients of a round work at once, those of an <see cref="AsyncStrategy"/> without rounds.</summary>
    /// <param name="clients">The clients; they join in this order.</param>
    /// <param name="config">The number of rounds and their timeout.</param>
    /// <param name="strategy">Who works, and what becomes of the answers.</param>
    /// <param name="options">Log, clock, seed.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <returns>What was measured, and the final model.</returns>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static async Task<History> RunAsync(
        IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(strategy);
        options ??= new();
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Server");
        var clientLog = options.LoggerFactory.CreateLogger("ManagedFed.Client");
        var registry = new ClientRegistry(log);
        var connections = clients
            .Select((client, i) => new InMemoryConnection(
                ClientInfo.Create($"memory:{i}"), new InstructionRunner(client, options.TimeProvider, clientLog), options.ThroughCodec))
            .ToArray();
        try
        {
            foreach (var connection in connections) registry.Join(connection);
            return await ServerLoop.Create(config, strategy, registry, options, log).RunAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var connection in connections) connection.Dispose();
        }
    }
}
