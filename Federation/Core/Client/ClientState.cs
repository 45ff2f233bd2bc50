using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>All that a client's next answer depends on beside its data and what the server sends.</summary>
/// <param name="Key">Its chance; null where each round has its own.</param>
/// <param name="Local">Parameters and buffers that the server does not send: local ones, and what belongs to the run alone, such as random keys.</param>
/// <param name="Optimizer">The optimizer's state; empty when each round begins without.</param>
/// <param name="Step">The optimizer's step; 0 when each round begins at 0.</param>
/// <param name="Memory">What terms and transforms remember, each below its name.</param>
internal sealed record ClientState(RandomKey? Key, ParameterTree Local, ParameterTree Optimizer, long Step, StrategyState Memory)
{
    private const string KeyName = "key", LocalName = "model", OptimizerName = "optimizer", MemoryName = "memory", StepsName = "steps";

    /// <summary>True when a new client has the same, so that nothing need be kept.</summary>
    public bool IsEmpty => Key is null && Local.Count == 0 && Optimizer.Count == 0 && Step == 0 && Memory.IsEmpty;

    /// <summary>The same as named arrays and values.</summary>
    public StrategyState ToState()
    {
        KeyValuePair<string, NdArray>[] key = Key is { } words ? [KeyValuePair.Create(KeyName, NdArray.From(words.Word0, words.Word1))] : [];
        var state = StrategyState.Of([.. key, .. Named(LocalName, Local), .. Named(OptimizerName, Optimizer)], [KeyValuePair.Create(StepsName, (Scalar)Step)]);
        return Memory.IsEmpty ? state : state.Nest(MemoryName, Memory);
    }

    /// <summary>The state of such names.</summary>
    /// <exception cref="FormatException">It is not a client's.</exception>
    public static ClientState Of(StrategyState state)
    {
        if (!state.Values.TryGetValue(StepsName, out var steps)) throw new FormatException($"it has no '{StepsName}'");
        var words = state.Arrays.GetValueOrDefault(KeyName)?.ToArray<uint>();
        return new(
            words is null ? null : new(words[0], words[1]), Tree(state.Part(LocalName)), Tree(state.Part(OptimizerName)), steps.AsInt64(), state.Part(MemoryName));
    }

    private static IEnumerable<KeyValuePair<string, NdArray>> Named(string prefix, ParameterTree tree) =>
        tree.Keys.Zip(tree.ToArrays(), (name, array) => KeyValuePair.Create($"{prefix}.{name}", array));

    private static ParameterTree Tree(StrategyState part) => new(part.Arrays.Select(entry => KeyValuePair.Create(entry.Key, (Tensor)entry.Value)));
}

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
internal sealed record ClientHistory(ClientState Now, RoundPlace? Place = null, ClientState? Before = null)
{
    private const string RunName = "run", RoundName = "round", UpdateName = "update", BeforeName = "before";

    /// <summary>The state from which the client answers for a round: the one before it, when it has answered already.</summary>
    public ClientState StateFor(RoundPlace? place) => place is not null && place == Place ? Before! : Now;

    /// <summary>The same as named arrays and values: the state's, and those of the state before below a prefix.</summary>
    public StrategyState ToState() => Place is not { } place ? Now.ToState() : Now.ToState()
        .Nest(BeforeName, Before!.ToState()).With(RunName, place.Run).With(RoundName, place.Round).With(UpdateName, place.Update);

    /// <summary>The history of such names.</summary>
    /// <param name="state">The names.</param>
    /// <param name="damaged">Says that they are not a client's.</param>
    public static ClientHistory Read(StrategyState state, Func<Exception, Exception> damaged)
    {
        try
        {
            return Of(state);
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException or ArgumentException)
        {
            throw damaged(exception);
        }
    }

    private static ClientHistory Of(StrategyState state)
    {
        if (!state.Values.TryGetValue(RunName, out var run)) return new(ClientState.Of(state));
        if (!state.Values.TryGetValue(RoundName, out var round) || !state.Values.TryGetValue(UpdateName, out var update))
        {
            throw new FormatException($"it has no '{RoundName}' or no '{UpdateName}'");
        }
        return new(ClientState.Of(state), new(run.AsString(), round.AsInt64(), update.AsInt64()), ClientState.Of(state.Part(BeforeName)));
    }
}
