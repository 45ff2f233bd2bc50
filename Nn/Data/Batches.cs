namespace ManagedFed.Nn.Data;

/// <summary>Orders of examples for one epoch, drawn from a key.</summary>
public static class Batches
{
    /// <summary>
    /// 0 … count−1 in random order: number i is ranked by the 64 bits of <c>key.Split(count)[i]</c>, which is unbiased
    /// but for ties, whose probability is below count²/2⁶⁵.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative or above 2³⁰.</exception>
    public static int[] Permutation(RandomKey key, int count)
    {
        var keys = key.Split(count);
        var ranks = new ulong[count];
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            ranks[i] = (ulong)keys[i].Word0 << 32 | keys[i].Word1;
            order[i] = i;
        }
        Array.Sort(ranks, order);
        return order;
    }

    /// <summary>The batches of one epoch: every index of 0 … count−1 once, in the order of <see cref="Permutation"/>; the last batch may be short.</summary>
    /// <param name="count">The number of examples.</param>
    /// <param name="batchSize">Examples per batch, at least 1.</param>
    /// <param name="key">The key of the epoch; the same key gives the same batches.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative or above 2³⁰, or the batch size below 1.</exception>
    public static IReadOnlyList<int[]> Shuffled(int count, int batchSize, RandomKey key)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return [.. Permutation(key, count).Chunk(batchSize)];
    }
}
