namespace ManagedFed.Federation.Data;

/// <summary>The rows of each label, in ascending order of labels, are shared out by proportions from a Dirichlet distribution.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1 and at most the number of rows.</param>
/// <param name="PartitionBy">The column of labels.</param>
/// <param name="Alpha">The concentration, or one for each partition.</param>
/// <param name="MinPartitionSize">The fewest rows of a partition; proportions are drawn anew, up to ten times, until all have them.</param>
/// <param name="SelfBalancing">Whether a partition that has more than its even share gets no further labels.</param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order, else they are sorted by label.</param>
/// <param name="Seed">The seed; null for another division each time.</param>
/// <remarks>
/// As Flower Datasets since May 2025; older versions took labels in order of appearance and gave other rows for the same seed.
/// Source: M. Yurochkin et al., "Bayesian Nonparametric Federated Learning of Neural Networks", 2019 (arXiv 1905.12022).
/// </remarks>
public sealed record DirichletPartitioner(
    int NumPartitions, string PartitionBy, Concentration Alpha, int MinPartitionSize = 10, bool SelfBalancing = false, bool Shuffle = true,
    ulong? Seed = 42) : RowPartitioner
{
    private const int Retries = 10;

    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>The column of labels.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>The concentration.</summary>
    public Concentration Alpha { get; } = Alpha ?? throw new ArgumentNullException(nameof(Alpha));

    /// <summary>The least number of rows of a partition, at least 0.</summary>
    /// <exception cref="ArgumentException">The value is negative.</exception>
    public int MinPartitionSize
    {
        get;
        init => field = Interval.NotNegative.Check("partition", nameof(MinPartitionSize), value);
    } = Interval.NotNegative.Check("partition", nameof(MinPartitionSize), MinPartitionSize);

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var alpha = Alpha.For(NumPartitions, "partitions");
        CheckEnough(NumPartitions, table);
        var labels = table.Labels(PartitionBy).AscendingRows();
        var generator = NumpyGenerator.Of(Seed);
        for (var attempt = 0; ; attempt++)
        {
            var partitions = Share(labels, table.Count, alpha, generator);
            var smallest = partitions.Min(partition => partition.Count);
            if (smallest >= MinPartitionSize) return Finish(partitions, Shuffle, generator);
            if (attempt < Retries) continue;
            throw new ArgumentException(
                $"[dirichlet] after {Retries + 1} draws with alpha {Alpha} the smallest partition still has {smallest} rows, fewer than " +
                $"{nameof(MinPartitionSize)} {MinPartitionSize}; raise alpha or lower the minimum");
        }
    }

    private List<int>[] Share(int[][] labels, int count, double[] alpha, NumpyGenerator generator)
    {
        var average = count / (double)NumPartitions;
        List<int>[] partitions = [.. alpha.Select(_ => new List<int>())];
        foreach (var rows in labels)
        {
            var proportions = generator.Dirichlet(alpha);
            if (SelfBalancing) Balance(proportions, partitions, average);
            var ends = new int[proportions.Length];
            var sum = 0.0;
            for (var i = 0; i < ends.Length; i++) ends[i] = (int)((sum += proportions[i]) * rows.Length);
            ends[^1] = rows.Length;
            foreach (var (partition, piece) in partitions.Zip(Cut(rows, ends))) partition.AddRange(piece);
        }
        return partitions;
    }

    private static void Balance(double[] proportions, List<int>[] partitions, double average)
    {
        var sum = 0.0;
        for (var i = 0; i < proportions.Length; i++)
        {
            if (partitions[i].Count > average) proportions[i] = 0;
            sum += proportions[i];
        }
        foreach (ref var proportion in proportions.AsSpan()) proportion /= sum;
    }
}
