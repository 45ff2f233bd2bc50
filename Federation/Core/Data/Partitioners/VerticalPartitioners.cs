namespace ManagedFed.Federation.Data;

/// <summary>Where the columns of the active party go, usually the labels.</summary>
public readonly record struct ActivePartyMode
{
    private readonly string? name;
    private readonly int partition;

    private ActivePartyMode(string? name, int partition) => (this.name, this.partition) = (name, partition);

    /// <summary>To the first partition.</summary>
    public static ActivePartyMode AddToFirst { get; } = new("add_to_first", 0);

    /// <summary>To the last partition, the default.</summary>
    public static ActivePartyMode AddToLast { get; } = new(null, 0);

    /// <summary>To a partition of their own before all others.</summary>
    public static ActivePartyMode CreateAsFirst { get; } = new("create_as_first", 0);

    /// <summary>To a partition of their own after all others.</summary>
    public static ActivePartyMode CreateAsLast { get; } = new("create_as_last", 0);

    /// <summary>To every partition.</summary>
    public static ActivePartyMode AddToAll { get; } = new("add_to_all", 0);

    /// <summary>To one partition.</summary>
    public static ActivePartyMode AddTo(int partition) => new("add_to", partition);

    internal void Add(IReadOnlyList<string> columns, List<List<string>> partitions)
    {
        switch (name)
        {
            case null: partitions[^1].AddRange(columns); break;
            case "create_as_first": partitions.Insert(0, [.. columns]); break;
            case "create_as_last": partitions.Add([.. columns]); break;
            case "add_to_all": partitions.ForEach(own => own.AddRange(columns)); break;
            default:
                if (partition < 0 || partition >= partitions.Count)
                {
                    throw new ArgumentException($"[vertical] there is no partition {partition} for the active party, expected 0 to {partitions.Count - 1}");
                }
                partitions[partition].AddRange(columns);
                break;
        }
    }
}

/// <summary>Divides a table by columns, for vertical federated learning: every partition has all rows.</summary>
public abstract record VerticalPartitioner : Partitioner
{
    /// <summary>Columns given to the active party, which may be the server.</summary>
    public IReadOnlyList<string> ActivePartyColumns { get; init; } = [];

    /// <summary>Where the active party's columns go.</summary>
    public ActivePartyMode ActivePartyColumnsMode { get; init; } = ActivePartyMode.AddToLast;

    /// <summary>Columns that no partition has.</summary>
    public IReadOnlyList<string> DropColumns { get; init; } = [];

    /// <summary>Columns that every partition has, after its own.</summary>
    public IReadOnlyList<string> SharedColumns { get; init; } = [];

    /// <summary>Whether columns are put in random order before they are divided.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>The seed of that order; null for another one each time.</summary>
    public ulong? Seed { get; init; } = 42;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Table> Partition(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        string[] all = [.. table.ColumnNames];
        foreach (var (kind, names) in new[] { ("shared", SharedColumns), ("active party", ActivePartyColumns) })
        {
            var unknown = names.FirstOrDefault(name => !all.Contains(name));
            if (unknown is not null) throw new ArgumentException($"[vertical] there is no {kind} column '{unknown}'; the columns are {string.Join(", ", all)}");
        }
        string[] columns = [.. all.Except([.. DropColumns, .. SharedColumns, .. ActivePartyColumns])];
        if (Shuffle) NumpyGenerator.Of(Seed).Shuffle<string>(columns);
        var partitions = new List<List<string>>();
        var start = 0;
        foreach (var size in Sizes(columns.Length))
        {
            partitions.Add([.. columns.AsSpan(start, size)]);
            start += size;
        }
        ActivePartyColumnsMode.Add(ActivePartyColumns, partitions);
        foreach (var partition in partitions) partition.AddRange(SharedColumns);
        return [.. partitions.Select(names => table.SelectColumns([.. names]))];
    }

    /// <summary>How many of so many columns each partition gets; they sum to that number.</summary>
    private protected abstract IReadOnlyList<int> Sizes(int columns);
}

/// <summary>Columns are divided evenly.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1; one more where the active party has its own.</param>
public sealed record VerticalEvenPartitioner(int NumPartitions) : VerticalPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    private protected override IReadOnlyList<int> Sizes(int columns) =>
        [.. Enumerable.Range(0, NumPartitions).Select(i => columns / NumPartitions + (i < columns % NumPartitions ? 1 : 0))];
}

/// <summary>Columns are divided by numbers or by shares.</summary>
public sealed record VerticalSizePartitioner : VerticalPartitioner
{
    private readonly int[]? counts;
    private readonly double[]? shares;

    /// <summary>Numbers of columns, which sum to all that are neither dropped, shared nor the active party's.</summary>
    /// <exception cref="ArgumentException">There are none, or one is negative.</exception>
    public VerticalSizePartitioner(params IReadOnlyList<int> partitionSizes)
    {
        if (partitionSizes.Count == 0 || partitionSizes.Any(size => size < 0))
        {
            throw new ArgumentException($"[vertical] partition sizes are [{string.Join(", ", partitionSizes)}], expected some, none negative");
        }
        counts = [.. partitionSizes];
    }

    /// <summary>Shares of the columns that are neither dropped, shared nor the active party's, rounded down; the last partition gets what is left.</summary>
    /// <exception cref="ArgumentException">There are none, one is outside 0 … 1, or they do not sum to 1 within a hundredth.</exception>
    public VerticalSizePartitioner(params IReadOnlyList<double> partitionSizes)
    {
        if (!(partitionSizes.Sum() is > 0.99 and < 1.01) || partitionSizes.Any(share => share is < 0 or > 1))
        {
            throw new ArgumentException($"[vertical] partition sizes are [{string.Join(", ", partitionSizes)}], expected shares of 0 to 1 that sum to 1");
        }
        shares = [.. partitionSizes];
    }

    private protected override IReadOnlyList<int> Sizes(int columns)
    {
        if (counts is not null)
        {
            return counts.Sum() == columns ? counts : throw new ArgumentException($"[vertical] partition sizes sum to {counts.Sum()}, but there are {columns} columns to divide");
        }
        int[] sizes = [.. shares!.Select(share => (int)Math.Floor(share * columns))];
        sizes[^1] = columns - sizes[..^1].Sum();
        return sizes;
    }
}
