using System.Collections.Concurrent;

namespace ManagedFed.Nn.Data;

/// <summary>Work on the next items while the present one is used.</summary>
public static class Prefetching
{
    /// <summary>The items of a source, made ahead of their use on a thread of their own.</summary>
    /// <remarks>
    /// The thread starts with the first item asked for. An exception of the source comes to the consumer after the items before it. When the
    /// consumer stops early, as a <c>foreach</c> that is left does, it waits until the source has finished its present item and is disposed of.
    /// </remarks>
    /// <example><c>foreach (var batch in data.Padded(256, key).Prefetch()) step.Invoke(batch.Inputs, batch.Labels, batch.Mask);</c></example>
    /// <param name="source">Enumerated once for each enumeration of the result.</param>
    /// <param name="ahead">How many items may wait, at least 1.</param>
    /// <param name="cancellation">Ends the enumeration.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than one item may wait.</exception>
    /// <exception cref="OperationCanceledException">The enumeration was cancelled.</exception>
    public static IEnumerable<T> Prefetch<T>(this IEnumerable<T> source, int ahead = 2, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(ahead, 1);
        return Consume(source, ahead, cancellation);
    }

    private static IEnumerable<T> Consume<T>(IEnumerable<T> source, int ahead, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var queue = new BlockingCollection<T>(ahead);
        var producer = Task.Factory.StartNew(
            () => Produce(source, queue, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (var item in queue.GetConsumingEnumerable(cancellation)) yield return item;
            cancellation.ThrowIfCancellationRequested();
            producer.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel();
            // Unlike Wait, does not throw what nobody asks for any more.
            Task.WaitAny([producer], CancellationToken.None);
        }
    }

    private static void Produce<T>(IEnumerable<T> source, BlockingCollection<T> queue, CancellationToken stop)
    {
        try
        {
            foreach (var item in source) queue.Add(item, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The consumer has left.
        }
        finally
        {
            queue.CompleteAdding();
        }
    }
}
