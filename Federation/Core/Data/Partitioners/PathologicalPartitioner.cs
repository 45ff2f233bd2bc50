namespace ManagedFed.Federation.Data;

/// <summary>How labels are given to partitions.</summary>
public enum ClassAssignmentMode
{
    /// <summary>At random, each label at most once per partition.</summary>
    Random,

    /// <summary>Partition i has the labels i, i+1, …, modulo their number.</summary>
    Deterministic,

    /// <summary>Partition i has label i modulo their number, and the others at random.</summary>
    FirstDeterministic,
}

/// <summary>Each partition has so many labels; the rows of a label are shared out evenly among the partitions that have it.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1 and at most the number of rows.</param>
/// <param name="PartitionBy">The column of labels.</param>
/// <param name="NumClassesPerPartition">Labels per partition, at least 1 and at most their number.</param>
/// <param name="ClassAssignmentMode">How labels are given to partitions; a label given to none is left out.</param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order, else they are sorted by label.</param>
/// <param name="Seed">The seed; null for another division each time.</param>
/// <remarks>Source: Q. Li et al., "Federated Learning on Non-IID Data Silos: An Experimental Study", 2021 (arXiv 2102.02079).</remarks>
public sealed record PathologicalPartitioner(
    int NumPartitions, string PartitionBy, int NumClassesPerPartition, ClassAssignmentMode ClassAssignmentMode = ClassAssignmentMode.Random,
    bool Shuffle = true, ulong? Seed = 42) : RowPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>The column of labels.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>Labels per partition.</summary>
    public int NumClassesPerPartition { get; } = AtLeastOne(NumClassesPerPartition, nameof(NumClassesPerPartition));

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckEnough(NumPartitions, table);
        var labels = table.Labels(PartitionBy);
        if (NumClassesPerPartition > labels.Count)
        {
            throw new ArgumentException($"[pathological] {NumClassesPerPartition} labels per partition, but column '{PartitionBy}' has {labels.Count}");
        }
        var generator = NumpyGenerator.Of(Seed);
        int[][] assigned = [.. Enumerable.Range(0, NumPartitions).Select(partition => Choose(partition, labels.Count, generator))];
        List<int>[] partitions = [.. assigned.Select(_ => new List<int>())];
        var rows = labels.AscendingRows();
        for (var label = 0; label < labels.Count; label++)
        {
            int[] holders = [.. Enumerable.Range(0, NumPartitions).Where(partition => assigned[partition].Contains(label))];
            var own = rows[label];
            if (holders.Length > own.Length)
            {
                throw new ArgumentException(
                    $"[pathological] {holders.Length} partitions are to have label {labels.Names[labels.Ascending[label]]}, but only {own.Length} rows do; " +
                    $"use fewer partitions or labels per partition, or {nameof(ClassAssignmentMode.Deterministic)}");
            }
            if (holders.Length == 0) continue;
            var end = 0;
            var pieces = Cut(own, EvenSizes(own.Length, holders.Length).Select(size => end += size));
            foreach (var (holder, piece) in holders.Zip(pieces)) partitions[holder].AddRange(piece);
        }
        return Finish(partitions, Shuffle, generator);
    }

    /// <summary>A partition's labels by their place in ascending order.</summary>
    private int[] Choose(int partition, int labels, NumpyGenerator generator)
    {
        switch (ClassAssignmentMode)
        {
            case ClassAssignmentMode.Random: return generator.Choice(labels, NumClassesPerPartition, replace: false);
            case ClassAssignmentMode.Deterministic: return [.. Enumerable.Range(partition, NumClassesPerPartition).Select(label => label % labels)];
            case ClassAssignmentMode.FirstDeterministic:
                var chosen = new List<int> { partition % labels };
                while (chosen.Count < NumClassesPerPartition)
                {
                    var label = generator.Choice(labels);
                    if (!chosen.Contains(label)) chosen.Add(label);
                }
                return [.. chosen];
            default: throw new ArgumentException($"[pathological] {ClassAssignmentMode} is no way to assign labels");
        }
    }
}
