namespace ManagedFed.Federation.Data;

/// <summary>Runs of rows of equal size, the first ones larger by one where the number of rows is no multiple.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1 and at most the number of rows.</param>
public sealed record IidPartitioner(int NumPartitions) : RowPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckEnough(NumPartitions, table);
        return Runs(EvenSizes(table.Count, NumPartitions));
    }
}

/// <summary>Runs of rows of given sizes; rows past their sum are in no partition.</summary>
/// <param name="PartitionSizes">The size of each partition, at least 1; in sum at most the number of rows.</param>
public sealed record SizePartitioner(params IReadOnlyList<int> PartitionSizes) : RowPartitioner
{
    /// <summary>The size of each partition.</summary>
    public IReadOnlyList<int> PartitionSizes { get; } = PartitionSizes is { Count: > 0 }
        ? [.. PartitionSizes.Select(size => AtLeastOne(size, "a partition size"))]
        : throw new ArgumentException("[partition] there are no partition sizes");

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var sum = PartitionSizes.Sum(size => (long)size);
        if (sum > table.Count) throw new ArgumentException($"[partition] the partition sizes sum to {sum}, more than the {table.Count} rows");
        return Runs(PartitionSizes);
    }
}

/// <summary>
/// Runs of rows whose sizes are proportional to a function of the partition's number counted from 1: ⌊n·f(i)/Σf⌋, what
/// rounding leaves going to the last.
/// </summary>
/// <param name="NumPartitions">The number of partitions, at least 1.</param>
/// <param name="PartitionIdToSize">f, of 1, 2, …, in any unit.</param>
public record IdToSizeFncPartitioner(int NumPartitions, Func<double, double> PartitionIdToSize) : RowPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>The size by partition number, which counts from 1.</summary>
    public Func<double, double> PartitionIdToSize { get; } = PartitionIdToSize ?? throw new ArgumentNullException(nameof(PartitionIdToSize));

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        double[] units = [.. Enumerable.Range(1, NumPartitions).Select(id => PartitionIdToSize(id))];
        var total = NumpySum.Of<double>(units);
        var sizes = units.Select(unit => unit / total * table.Count is >= 0 and var size && size <= table.Count ? (int)size : -1).ToArray();
        if (sizes.All(size => size >= 0)) sizes[^1] += table.Count - sizes.Sum();
        return sizes.All(size => size >= 1)
            ? Runs(sizes)
            : throw new ArgumentException(
                $"[partition] {NumPartitions} partitions of {table.Count} rows would have sizes {string.Join(", ", sizes)}; each needs a row, so use fewer");
    }
}

/// <summary>Sizes proportional to 1, 2, 3, …</summary>
/// <param name="NumPartitions">The number of partitions, at least 1.</param>
public sealed record LinearPartitioner(int NumPartitions) : IdToSizeFncPartitioner(NumPartitions, id => id);

/// <summary>Sizes proportional to 1, 4, 9, …</summary>
/// <param name="NumPartitions">The number of partitions, at least 1.</param>
public sealed record SquarePartitioner(int NumPartitions) : IdToSizeFncPartitioner(NumPartitions, id => id * id);

/// <summary>Sizes proportional to e, e², e³, …</summary>
/// <param name="NumPartitions">The number of partitions, at least 1.</param>
public sealed record ExponentialPartitioner(int NumPartitions) : IdToSizeFncPartitioner(NumPartitions, Math.Exp);
