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
            ClientInfo.Create($"memory:{i}", VirtualClientList.StableNameOf(i)), new InstructionRunner(client, options.TimeProvider, clientLog, tellsMessages: true), options.ThroughCodec))
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
    /// <inheritdoc cref="RunAsync(IEnumerable{ArrayClient}, ServerConfig, Strategy, SimulationOptions?, CancellationToken)"/>
    public static IAsyncEnumerable<RoundReport> RoundsAsync(
        IEnumerable<ArrayClient> clients, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        return RoundStream.Of(options.OnRound, (tell, token) => RunAsync(clients, config, strategy, options with { OnRound = tell }, token), cancellation);
    }

    /// <summary>Runs the rounds over clients that are made when they are chosen and dropped after their answer, however many there are.</summary>
    /// <remarks>
    /// Each client works on one thread, as many at once as <see cref="FederationOptions.MaxConcurrency"/> says, by default
    /// <see cref="CpuDevice.Threads"/>. With a seed the numbers are those of the same clients in a list; memory follows the clients at work and the model,
    /// not <paramref name="clients"/>. What a client keeps from round to round must lie outside of it, see <see cref="VirtualClients"/>. One that
    /// takes too long is a failure of that round and may be asked again. The console has one line a round at most, with the time that is left.
    /// </remarks>
    /// <param name="clients">The number of clients, at least 1.</param>
    /// <param name="factory">Makes a client by its number, 0 … clients − 1; called on several threads at once, once for each question.</param>
    /// <param name="config">The number of rounds and their timeout.</param>
    /// <param name="strategy">Who works, and what becomes of the answers.</param>
    /// <param name="options">Log, clock, seed.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <returns>What was measured, and the final model.</returns>
    /// <exception cref="ArgumentException">There are fewer clients than the strategy waits for.</exception>
    /// <exception cref="FederationException">
    /// No client gives initial parameters, or no round made a new model (<see cref="ServerConfig.AllowUntrained"/>).
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static async Task<History> RunAsync(
        int clients, Func<int, ArrayClient> factory, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        Interval.Counts.Check("simulation", nameof(clients), clients);
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(strategy);
        options ??= new();
        RequireEnough(clients, config, strategy);
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Server");
        var progress = new SimulationProgress(log, options.TimeProvider, config.NumRounds);
        var atOnce = options.MaxConcurrency ?? CpuDevice.Threads;
        using var population = new VirtualPopulation(clients, factory, atOnce, options, options.LoggerFactory.CreateLogger("ManagedFed.Client"));
        return await ServerLoop.Create(
            config, strategy, population, options with { MaxConcurrency = atOnce, OnRound = OnRoundAsync },
            options.LoggerFactory is ConsoleLoggerFactory ? new WarningsAlone(log) : log).RunAsync(cancellation).ConfigureAwait(false);

        async ValueTask OnRoundAsync(RoundReport report, History history, CancellationToken token)
        {
            progress.RoundEnded(report);
            if (options.OnRound is { } watch) await watch(report, history, token).ConfigureAwait(false);
        }
    }

    /// <summary>The same as a sequence of its rounds, each once it is over; leaving the sequence ends the run.</summary>
    /// <inheritdoc cref="RunAsync(int, Func{int, ArrayClient}, ServerConfig, Strategy, SimulationOptions?, CancellationToken)"/>
    public static IAsyncEnumerable<RoundReport> RoundsAsync(
        int clients, Func<int, ArrayClient> factory, ServerConfig config, Strategy strategy,
        SimulationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        return RoundStream.Of(options.OnRound, (tell, token) => RunAsync(clients, factory, config, strategy, options with { OnRound = tell }, token), cancellation);
    }

    /// <summary>Refuses to start what would wait for ever.</summary>
    private static void RequireEnough(int clients, ServerConfig config, Strategy strategy)
    {
        if (config.NumRounds == 0 && strategy.InitialParameters is not null) return;
        var inRounds = strategy is AsyncStrategy ? strategy.MinAvailableClients
            : Math.Max(strategy.FitSelection.Needed, strategy.FractionEvaluate > 0 ? strategy.EvaluateSelection.Needed : 0);
        var needed = Math.Max(1, config.NumRounds == 0 ? 1 : inRounds);
        if (clients >= needed) return;
        throw new ArgumentException(
            $"[simulation] {clients} client(s) given, expected at least {needed}: {strategy} waits for so many, and nobody can join a simulation; "
            + "give more clients, or set MinAvailableClients, MinFitClients and MinEvaluateClients", nameof(clients));
    }
}
