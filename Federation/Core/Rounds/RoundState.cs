namespace ManagedFed.Federation;

/// <summary>What a strategy knows when it decides; nothing in it changes.</summary>
/// <param name="Round">The round's number, from 1.</param>
/// <param name="Parameters">The present global model.</param>
/// <param name="Clients">The connected clients, in the order they joined.</param>
/// <param name="Seed">The seed of this decision.</param>
public sealed record RoundState(int Round, Parameters Parameters, IReadOnlyList<ClientInfo> Clients, int Seed)
{
    /// <summary>A uniform sample of the clients without replacement, in the order they joined; all when there are not more.</summary>
    public IReadOnlyList<ClientInfo> Sample(int count)
    {
        var order = Enumerable.Range(0, Clients.Count).ToArray();
        new Random(Seed).Shuffle(order);
        return [.. order.Take(count).Order().Select(i => Clients[i])];
    }
}
