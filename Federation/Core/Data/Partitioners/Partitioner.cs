namespace ManagedFed.Federation.Data;

/// <summary>
/// Divides a table among clients, as Flower Datasets' class of the same name: same parameters, defaults and, for the same seed,
/// the same rows in the same order. A recipe without state: each table it is given is divided afresh.
/// </summary>
/// <remarks>
/// A partitioner of one's own derives from <see cref="RowPartitioner"/>. An integer converts to an <see cref="IidPartitioner"/>.
/// A seed of null gives another division each time.
/// </remarks>
public abstract record Partitioner
{
    /// <summary>The partitions of a table, all views.</summary>
    /// <exception cref="ArgumentException">The table cannot be divided so.</exception>
    public abstract IReadOnlyList<Table> Partition(Table table);

    /// <summary>So many partitions of equal size.</summary>
    public static implicit operator Partitioner(int numPartitions) => new IidPartitioner(numPartitions);

    /// <summary>A number of partitions, which must be at least 1.</summary>
    private protected static int AtLeastOne(int value, string what) =>
        value >= 1 ? value : throw new ArgumentException($"[partition] {what} is {value}, expected at least 1");

    private protected static string Name(string column) =>
        !string.IsNullOrEmpty(column) ? column : throw new ArgumentException("[partition] the column to divide by has no name");
}

/// <summary>Divides a table by rows.</summary>
public abstract record RowPartitioner : Partitioner
{
    /// <summary>For each partition its rows; a row may be in none.</summary>
    /// <exception cref="ArgumentException">The table cannot be divided so.</exception>
    public abstract IReadOnlyList<int[]> Assign(Table table);

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Table> Partition(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return [.. Assign(table).Select(rows => table.Select(rows))];
    }

    /// <summary>Throws if there are more partitions than rows.</summary>
    private protected static void CheckEnough(int partitions, Table table)
    {
        if (partitions > table.Count) throw new ArgumentException($"[partition] {partitions} partitions of {table.Count} rows; there must be at least as many rows");
    }

    /// <summary>One after another from the first row on.</summary>
    private protected static int[][] Runs(IEnumerable<int> sizes)
    {
        var runs = new List<int[]>();
        var start = 0;
        foreach (var size in sizes)
        {
            runs.Add([.. Enumerable.Range(start, size)]);
            start += size;
        }
        return [.. runs];
    }

    /// <summary>Near-equal sizes whose sum is count; the first ones are larger by one: the cut of <c>numpy.array_split</c>.</summary>
    private protected static IEnumerable<int> EvenSizes(int count, int parts) =>
        Enumerable.Range(0, parts).Select(part => count / parts + (part < count % parts ? 1 : 0));

    /// <summary>Items cut at ends which may lie past the last item: <c>numpy.split</c> without what comes after the last end.</summary>
    private protected static int[][] Cut(int[] items, IEnumerable<int> ends)
    {
        var pieces = new List<int[]>();
        var start = 0;
        foreach (var end in ends)
        {
            var (from, to) = (Math.Min(start, items.Length), Math.Min(end, items.Length));
            pieces.Add(from < to ? items[from..to] : []);
            start = end;
        }
        return [.. pieces];
    }

    /// <summary>The rows of each partition, in random order where asked for.</summary>
    private protected static int[][] Finish(IEnumerable<IEnumerable<int>> partitions, bool shuffle, NumpyGenerator generator)
    {
        int[][] rows = [.. partitions.Select(partition => partition.ToArray())];
        if (!shuffle) return rows;
        foreach (var partition in rows) generator.Shuffle<int>(partition);
        return rows;
    }
}
