namespace ManagedFed.Federation.Data;

/// <summary>Partitions of given sizes, each with its own mix of labels from a Dirichlet distribution; rows are drawn without replacement.</summary>
/// <param name="PartitionSizes">The size of each partition, at least 0; in sum at most the number of rows.</param>
/// <param name="PartitionBy">The column of labels.</param>
/// <param name="Alpha">The concentration, or one for each label in ascending order.</param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order in the end.</param>
/// <param name="Seed">The seed; null for another division each time.</param>
/// <remarks>
/// Source: D. A. E. Acar et al., "Federated Learning Based on Dynamic Regularization", 2021 (arXiv 2111.04263). Flower takes labels
/// for 0 … n−1; here they may be any.
/// </remarks>
public sealed record InnerDirichletPartitioner(
    IReadOnlyList<int> PartitionSizes, string PartitionBy, Concentration Alpha, bool Shuffle = true, ulong? Seed = 42) : RowPartitioner
{
    /// <summary>The size of each partition.</summary>
    public IReadOnlyList<int> PartitionSizes { get; } = PartitionSizes is { Count: > 0 } && PartitionSizes.All(size => size >= 0)
        ? [.. PartitionSizes]
        : throw new ArgumentException("[partition] there must be partition sizes, none of them negative");

    /// <summary>The column of labels.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>The concentration.</summary>
    public Concentration Alpha { get; } = Alpha ?? throw new ArgumentNullException(nameof(Alpha));

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckEnough(PartitionSizes.Count, table);
        var sum = PartitionSizes.Sum(size => (long)size);
        if (sum > table.Count) throw new ArgumentException($"[partition] the partition sizes sum to {sum}, more than the {table.Count} rows");
        var labels = table.Labels(PartitionBy);
        var generator = NumpyGenerator.Of(Seed);
        var alpha = Alpha.For(labels.Count, "labels");
        double[][] mixes = [.. PartitionSizes.Select(_ => generator.Dirichlet(alpha))];
        int[][] partitions = [.. PartitionSizes.Select(size => new int[size])];
        Draw(partitions, mixes, labels.AscendingRows(), generator);
        return Finish(partitions, Shuffle, generator);
    }

    // A partition is drawn, then a label of its mix, until all are full; each is filled, and each label used, from its end.
    private void Draw(int[][] partitions, double[][] mixes, int[][] labels, NumpyGenerator generator)
    {
        int[] missing = [.. PartitionSizes];
        int[] left = [.. labels.Select(rows => rows.Length)];
        var open = Enumerable.Range(0, partitions.Length).ToList();
        for (var total = missing.Sum(); total > 0;)
        {
            var position = generator.Choice(open.Count);
            var partition = open[position];
            if (missing[partition] == 0)
            {
                open.RemoveAt(position);
                continue;
            }
            missing[partition]--;
            total--;
            int label;
            while (left[label = Label(mixes[partition], partition, generator)] == 0) Exhaust(mixes, label);
            partitions[partition][missing[partition]] = labels[label][--left[label]];
        }
    }

    private static int Label(double[] mix, int partition, NumpyGenerator generator) => double.IsFinite(mix[0])
        ? generator.Choice(mix)
        : throw new ArgumentException($"[inner_dirichlet] no rows are left of the labels that partition {partition} is made of; raise alpha or lower the sizes");

    private static void Exhaust(double[][] mixes, int label)
    {
        foreach (var mix in mixes)
        {
            mix[label] = 0;
            var sum = NumpySum.Of<double>(mix);
            foreach (ref var share in mix.AsSpan()) share /= sum;
        }
    }
}
