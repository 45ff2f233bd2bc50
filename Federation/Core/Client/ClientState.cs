using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>All that a client's next answer depends on beside its data and what the server sends.</summary>
/// <param name="Key">Its chance.</param>
/// <param name="Local">Parameters and buffers that the server does not send: local ones, and what belongs to the run alone, such as random keys.</param>
/// <param name="Optimizer">The optimizer's state; empty when each round begins without.</param>
/// <param name="Step">The optimizer's step; 0 when each round begins at 0.</param>
/// <param name="Memory">What terms and transforms remember, each below its name.</param>
internal sealed record ClientState(RandomKey Key, ParameterTree Local, ParameterTree Optimizer, long Step, StrategyState Memory);

/// <summary>A round of a run, or an update of a step, as <see cref="RunKeys"/> tell it.</summary>
internal readonly record struct RoundPlace(string Run, long Round, long Update = 0)
{
    /// <summary>The place that a config names; null where it names none.</summary>
    public static RoundPlace? Of(IReadOnlyDictionary<string, Scalar> config) =>
        config.TryGetValue(RunKeys.Run, out var run) && config.TryGetValue(RunKeys.Round, out var round)
            ? new(run.ToString(), round.AsInt64(), config.TryGetValue(RunKeys.Update, out var update) ? update.AsInt64() : 0)
            : null;
}

/// <summary>What a client keeps: its state, and, where the server told the round, that round and the state before it.</summary>
internal sealed record ClientHistory(ClientState Now, RoundPlace? Place, ClientState? Before);
