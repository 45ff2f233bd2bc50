namespace ManagedFed.Federation.Data;

/// <summary>A data set whose splits are divided among clients, as Flower Datasets' class of the same name.</summary>
/// <remarks>
/// The source is read when something is first asked for; then every split is shuffled, preprocessed, and divided when one of its
/// partitions is first asked for. Everything given out is a view. For the same data, seed and partitioner, partition i has the rows
/// of Flower's partition i in the same order. Thread-safe.
/// </remarks>
/// <example>
/// <code>
/// var mnist = new FederatedDataset(new IdxSource("data"), new() { ["train"] = new DirichletPartitioner(10, "label", Alpha: 0.5) });
/// var (train, test) = mnist.LoadPartition(0).TrainTestSplit(testSize: 0.2, seed: 42);
/// </code>
/// </example>
public sealed class FederatedDataset
{
    private readonly Dictionary<string, Lazy<IReadOnlyList<Table>>> partitions;
    private readonly Lazy<IReadOnlyDictionary<string, Table>> splits;

    /// <summary>A data set and how its splits are divided.</summary>
    /// <param name="source">Where the splits come from.</param>
    /// <param name="partitioners">For each split that is divided, how; a number stands for an <see cref="IidPartitioner"/>.</param>
    /// <param name="preprocessor">Makes other splits of the shuffled ones.</param>
    /// <param name="shuffle">Whether the rows of every split are put in random order first.</param>
    /// <param name="seed">The seed of that order; null for another one each time.</param>
    public FederatedDataset(
        IDataSource source, Dictionary<string, Partitioner> partitioners, IPreprocessor? preprocessor = null, bool shuffle = true, ulong? seed = 42)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(partitioners);
        splits = new(() =>
        {
            var read = source.Load();
            if (shuffle) read = read.ToDictionary(split => split.Key, split => split.Value.Shuffle(seed));
            return preprocessor?.Apply(read) ?? read;
        });
        partitions = partitioners.ToDictionary(
            entry => entry.Key, entry => new Lazy<IReadOnlyList<Table>>(() => entry.Value.Partition(LoadSplit(entry.Key))));
    }

    /// <summary>A data set in memory and how its splits are divided; the other parameters are those of the other constructor.</summary>
    public FederatedDataset(
        IReadOnlyDictionary<string, Table> splits, Dictionary<string, Partitioner> partitioners, IPreprocessor? preprocessor = null, bool shuffle = true,
        ulong? seed = 42) : this(new MemorySource(splits), partitioners, preprocessor, shuffle, seed)
    {
    }

    /// <summary>One partition of a split.</summary>
    /// <param name="partitionId">The partition, 0 … number−1.</param>
    /// <param name="split">The split; may be left out where one alone is divided.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such partition.</exception>
    /// <exception cref="ArgumentException">The split is not there or not divided, or cannot be divided as asked.</exception>
    public Table LoadPartition(int partitionId, string? split = null)
    {
        var all = Partitions(split);
        return partitionId >= 0 && partitionId < all.Count
            ? all[partitionId]
            : throw new ArgumentOutOfRangeException(nameof(partitionId), partitionId, $"[load_partition] there is no partition {partitionId}, expected 0 to {all.Count - 1}");
    }

    /// <summary>All partitions of a split.</summary>
    /// <param name="split">The split; may be left out where one alone is divided.</param>
    /// <exception cref="ArgumentException">The split is not there or not divided, or cannot be divided as asked.</exception>
    public IReadOnlyList<Table> Partitions(string? split = null)
    {
        if (split is null)
        {
            return partitions.Count == 1
                ? partitions.Values.Single().Value
                : throw new ArgumentException($"[load_partition] say which split: {Known(partitions.Keys)} are divided");
        }
        return partitions.TryGetValue(split, out var found)
            ? found.Value
            : throw new ArgumentException($"[load_partition] split '{split}' has no partitioner; divided are {Known(partitions.Keys)}");
    }

    /// <summary>A whole split, shuffled and preprocessed.</summary>
    /// <exception cref="ArgumentException">There is no such split.</exception>
    public Table LoadSplit(string split) => splits.Value.TryGetValue(split, out var table)
        ? table
        : throw new ArgumentException($"[load_split] there is no split '{split}'; the splits are {Known(splits.Value.Keys)}");

    private static string Known(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'").DefaultIfEmpty("none"));
}
