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
    /// <summary>The most clients that are drawn by ordering a random number of each.</summary>
    private const int MostOrdered = 10_000;

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
    /// <remarks>
    /// It depends on the key and on the clients' order alone, never on earlier samples or on when clients joined or failed. Of up to 10,000
    /// clients they are those with the smallest of one random number each; of more, the first places of a Fisher–Yates shuffle, whose time
    /// and memory follow the sample's size alone.
    /// </remarks>
    public IReadOnlyList<ClientInfo> Sample(int count)
    {
        if (count >= Clients.Count) return Clients;
        if (Clients.Count > MostOrdered) return [.. Shuffled(count).Order().Select(i => Clients[i])];
        var drawn = Key.Split(Clients.Count);
        return [.. Enumerable.Range(0, Clients.Count).OrderBy(i => drawn[i].Word0).ThenBy(i => drawn[i].Word1).Take(count).Order().Select(i => Clients[i])];
    }

    /// <summary>The first places of a shuffle of which only what has moved is kept; place i is drawn by the 64 bits of <c>Key.Fold(i)</c>.</summary>
    private int[] Shuffled(int count)
    {
        var (drawn, moved) = (new int[Math.Max(0, count)], new Dictionary<int, int>());
        for (var i = 0; i < drawn.Length; i++)
        {
            var bits = Key.Fold((uint)i);
            // ⌊(n − i)·bits/2⁶⁴⌋: no place is more likely than another by more than n/2⁶⁴.
            var j = i + (int)Math.BigMul((ulong)bits.Word0 << 32 | bits.Word1, (ulong)(Clients.Count - i), out _);
            drawn[i] = moved.GetValueOrDefault(j, j);
            moved[j] = moved.GetValueOrDefault(i, i);
        }
        return drawn;
    }
}
