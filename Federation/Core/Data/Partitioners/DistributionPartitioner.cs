namespace ManagedFed.Federation.Data;

/// <summary>
/// Each partition has so many labels next to each other, and row l of an array says how the rows of label l are shared out among
/// the partitions that have it.
/// </summary>
/// <param name="DistributionArray">One row per label in ascending order, one column for each partition that has the label.</param>
/// <param name="NumPartitions">The number of partitions, a multiple of the number of labels.</param>
/// <param name="NumUniqueLabelsPerPartition">Labels per partition: partition i has the labels i, i+1, … modulo their number.</param>
/// <param name="PartitionBy">The column of labels.</param>
/// <param name="PreassignedNumSamplesPerLabel">Rows of each of its labels that every partition gets before the rest is shared out.</param>
/// <param name="Rescale">
/// Whether the array gives proportions; what rounding leaves goes to a random partition that has the label. Else it gives numbers of
/// rows, and rows past their sum are in no partition.
/// </param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order, else they are sorted by label.</param>
/// <param name="Seed">The seed; null for another division each time.</param>
/// <remarks>Source: T. Li et al., "Federated Optimization in Heterogeneous Networks", 2020 (arXiv 1812.06127), which takes log-normal proportions.</remarks>
public sealed record DistributionPartitioner(
    double[,] DistributionArray, int NumPartitions, int NumUniqueLabelsPerPartition, string PartitionBy, int PreassignedNumSamplesPerLabel,
    bool Rescale = true, bool Shuffle = true, ulong? Seed = 42) : RowPartitioner
{
    private readonly double[,] distribution = (double[,])(DistributionArray ?? throw new ArgumentNullException(nameof(DistributionArray))).Clone();

    /// <summary>How rows are shared out, by label and partition; a copy.</summary>
    public double[,] DistributionArray => (double[,])distribution.Clone();

    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>Labels per partition.</summary>
    public int NumUniqueLabelsPerPartition { get; } = AtLeastOne(NumUniqueLabelsPerPartition, nameof(NumUniqueLabelsPerPartition));

    /// <summary>The column of labels.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>Rows of each label that a partition gets before the distribution counts, at least 0.</summary>
    /// <exception cref="ArgumentException">The value is negative.</exception>
    public int PreassignedNumSamplesPerLabel
    {
        get;
        init => field = Interval.NotNegative.Check("partition", nameof(PreassignedNumSamplesPerLabel), value);
    } = Interval.NotNegative.Check("partition", nameof(PreassignedNumSamplesPerLabel), PreassignedNumSamplesPerLabel);

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var labels = table.Labels(PartitionBy);
        var columns = (int)((long)NumUniqueLabelsPerPartition * NumPartitions / labels.Count);
        CheckShape(table, labels.Count, columns);
        var rows = labels.AscendingRows();
        int[][] counts = [.. rows.Select((own, label) => Counts(label, own.Length, columns))];
        var generator = NumpyGenerator.Of(Seed);
        int[][][] pieces = [.. rows.Zip(counts, (own, sizes) => Deal(own, sizes, generator))];
        var next = new int[labels.Count];
        List<int>[] partitions = [.. Enumerable.Range(0, NumPartitions).Select(_ => new List<int>())];
        for (var partition = 0; partition < NumPartitions; partition++)
        {
            for (var i = 0; i < NumUniqueLabelsPerPartition; i++)
            {
                var label = (partition + i) % labels.Count;
                partitions[partition].AddRange(pieces[label][next[label]++]);
            }
        }
        return Finish(partitions, Shuffle, generator);
    }

    private void CheckShape(Table table, int labels, int columns)
    {
        if (distribution.GetLength(0) != labels || distribution.GetLength(1) != columns)
        {
            throw new ArgumentException(
                $"[distribution] the array has shape ({distribution.GetLength(0)}, {distribution.GetLength(1)}), expected ({labels}, {columns}): labels x " +
                "labels per partition * partitions / labels");
        }
        if (NumUniqueLabelsPerPartition > labels)
        {
            throw new ArgumentException($"[distribution] {NumUniqueLabelsPerPartition} labels per partition, but column '{PartitionBy}' has {labels}");
        }
        CheckEnough(NumPartitions, table);
        if (NumPartitions % labels != 0) throw new ArgumentException($"[distribution] {NumPartitions} partitions are no multiple of the {labels} labels");
    }

    /// <summary>How many rows of a label each of its partitions gets.</summary>
    private int[] Counts(int label, int available, int columns)
    {
        double[] shares = [.. Enumerable.Range(0, columns).Select(column => distribution[label, column])];
        var sum = NumpySum.Of<double>(shares);
        if (shares.Any(share => !(share >= 0)) || !(Rescale ? sum > 0 && double.IsFinite(sum) : sum <= available))
        {
            throw new ArgumentException(
                $"[distribution] row {label} of the array sums to {sum}, expected {(Rescale ? "proportions" : $"at most the {available} rows of the label")}, none negative");
        }
        if (!Rescale) return [.. shares.Select(share => (int)share)];
        var rest = available - (double)PreassignedNumSamplesPerLabel * columns;
        if (PreassignedNumSamplesPerLabel < 0 || rest < columns)
        {
            throw new ArgumentException(
                $"[distribution] label {label} has {available} rows; {nameof(PreassignedNumSamplesPerLabel)} {PreassignedNumSamplesPerLabel} must be at least 0 " +
                $"and leave one more for each of the {columns} partitions that have the label");
        }
        return [.. shares.Select(share => (int)Math.Floor(share / sum * rest) + PreassignedNumSamplesPerLabel)];
    }

    private int[][] Deal(int[] rows, int[] sizes, NumpyGenerator generator)
    {
        var end = 0;
        var pieces = Cut(rows, sizes.Select(size => end += size));
        if (!Rescale) return pieces;
        var lucky = generator.Choice(sizes.Length);
        if (end < rows.Length) pieces[lucky] = [.. pieces[lucky], .. rows[end..]];
        return pieces;
    }
}
