namespace ManagedFed.Federation;

/// <summary>Fetches objects a few places before they are taken, so that the next is on its way while one is read.</summary>
/// <remarks>
/// One taker at a time. An object that is taken out of order is fetched then, and those fetched ahead wait for their turn: there
/// are never more than <paramref name="width"/> of them.
/// </remarks>
/// <param name="source">Where objects come from.</param>
/// <param name="order">The order in which they are expected to be taken, each once.</param>
/// <param name="width">The most objects on their way or waiting.</param>
/// <param name="cancellation">Ends all fetching.</param>
internal sealed class ReadAhead(ObjectSource source, IEnumerable<string> order, int width, CancellationToken cancellation) : IAsyncDisposable
{
    private readonly Queue<string> next = new(order);
    private readonly Dictionary<string, Task<ReadOnlyMemory<byte>>> ahead = [];
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

    /// <summary>An object's bytes.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> TakeAsync(string id, CancellationToken token)
    {
        taken.Add(id);
        ahead.Remove(id, out var coming);
        coming ??= source(id, stop.Token).AsTask();
        while (ahead.Count < width && next.TryDequeue(out var later))
        {
            if (!taken.Contains(later)) ahead.TryAdd(later, source(later, stop.Token).AsTask());
        }
        return await coming.WaitAsync(token).ConfigureAwait(false);
    }

    /// <summary>Gives up what is still on its way.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        Task all = Task.WhenAll(ahead.Values);
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }
}
