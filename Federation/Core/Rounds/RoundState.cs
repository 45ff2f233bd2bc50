namespace ManagedFed.Federation;

/// <summary>What a strategy knows when it decides; nothing in it changes.</summary>
/// <param name="Round">The round's number, from 1.</param>
/// <param name="Parameters">The present global model.</param>
/// <param name="Clients">
/// The connected clients: those with a <see cref="ClientInfo.StableName"/> in its order, then the others in the order they joined.
/// </param>
/// <param name="Key">The chance of this decision: the run's seed, folded by purpose and round.</param>
public sealed record RoundState(int Round, Parameters Parameters, IReadOnlyList<ClientInfo> Clients, RandomKey Key)
{
    private readonly ParameterSchema? schema;

    /// <summary>What the strategy remembers of the rounds before: what its last aggregation gave; empty before the first.</summary>
    public StrategyState Strategy { get; init; } = StrategyState.Empty;

    /// <summary>The run's name, which no other run has.</summary>
    public string RunId { get; init; } = "";

    /// <summary>What the model's arrays are; by default the model's own schema, or else a guess.</summary>
    /// <exception cref="InvalidOperationException">The model is no arrays.</exception>
    public ParameterSchema Schema
    {
        get => schema ?? Parameters.Schema ?? ParameterSchema.Guess(Parameters.Arrays);
        init => schema = value;
    }

    /// <summary>A uniform sample of the clients without replacement, in their order; all when there are not more.</summary>
    /// <remarks>It depends on the key and on the clients' order alone, never on earlier samples or on when clients joined or failed.</remarks>
    public IReadOnlyList<ClientInfo> Sample(int count)
    {
        if (count >= Clients.Count) return Clients;
        var drawn = Key.Split(Clients.Count);
        return [.. Enumerable.Range(0, Clients.Count).OrderBy(i => drawn[i].Word0).ThenBy(i => drawn[i].Word1).Take(count).Order().Select(i => Clients[i])];
    }
}
