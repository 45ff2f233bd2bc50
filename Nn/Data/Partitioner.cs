namespace ManagedFed.Nn.Data;

/// <summary>Which examples each client holds. For equal seeds the indices are those of flwr-datasets.</summary>
/// <remarks>Shuffling is NumPy's <c>default_rng(seed).permutation(count)</c>, as in Hugging Face <c>datasets</c>, which Flower builds on.</remarks>
public static class Partitioner
{
    /// <summary>
    /// The indices of one of several parts of equal size (±1) of the shuffled examples: Flower's <c>IidPartitioner</c> behind a
    /// <c>FederatedDataset</c> of that seed. With q, r = count divmod partitions, part i is the q or q+1 indices from i·q + min(i, r) on.
    /// </summary>
    /// <param name="count">The number of examples.</param>
    /// <param name="partitions">The number of parts, 1 … count.</param>
    /// <param name="partition">The part wanted, 0 … partitions−1.</param>
    /// <param name="seed">The seed of the shuffle; Flower's default is 42.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public static int[] Iid(int count, int partitions, int partition, ulong seed = 42)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, partitions);
        ArgumentOutOfRangeException.ThrowIfNegative(partition);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(partition, partitions);
        var (size, longer) = Math.DivRem(count, partitions);
        var start = size * partition + Math.Min(partition, longer);
        return new NumpyGenerator(seed).Permutation(count).AsSpan(start, partition < longer ? size + 1 : size).ToArray();
    }

    /// <summary>
    /// Splits examples at random as <c>Dataset.train_test_split(test_size=testFraction, seed=seed)</c> does: of a permutation the first
    /// ⌈testFraction·count⌉ are for testing, the rest for training.
    /// </summary>
    /// <param name="count">The number of examples.</param>
    /// <param name="testFraction">The share for testing, between 0 and 1; neither side may be left empty.</param>
    /// <param name="seed">The seed of the permutation.</param>
    /// <exception cref="ArgumentOutOfRangeException">One side would be empty.</exception>
    public static (int[] Train, int[] Test) TrainTestSplit(int count, double testFraction = 0.2, ulong seed = 42)
    {
        var tests = Math.Ceiling(testFraction * count);
        if (!(tests >= 1 && tests < count))
        {
            throw new ArgumentOutOfRangeException(
                nameof(testFraction), testFraction, $"[train_test_split] {tests} of {count} examples for testing leave one side empty");
        }
        var order = new NumpyGenerator(seed).Permutation(count);
        return (order[(int)tests..], order[..(int)tests]);
    }
}
