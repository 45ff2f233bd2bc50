namespace ManagedFed.Federation.Data;

/// <summary>Rows are sorted by label and cut into shards; each partition gets some of them at random.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1 and at most the number of rows.</param>
/// <param name="PartitionBy">The column of labels.</param>
/// <param name="NumShardsPerPartition">Shards per partition; without it as many as there are, as evenly as can be.</param>
/// <param name="ShardSize">Rows per shard; without it as many as there can be.</param>
/// <param name="KeepIncompleteShard">Whether the rows that fill no shard make a smaller one; not used where both numbers before are given.</param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order in the end.</param>
/// <param name="Seed">The seed; null for another division each time.</param>
/// <remarks>Source: H. B. McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data", 2017 (arXiv 1602.05629).</remarks>
public sealed record ShardPartitioner(
    int NumPartitions, string PartitionBy, int? NumShardsPerPartition = null, int? ShardSize = null, bool KeepIncompleteShard = false,
    bool Shuffle = true, ulong? Seed = 42) : RowPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>The column of labels.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>Shards per partition.</summary>
    public int? NumShardsPerPartition { get; } = NumShardsPerPartition is { } number ? AtLeastOne(number, nameof(NumShardsPerPartition)) : null;

    /// <summary>Rows per shard.</summary>
    public int? ShardSize { get; } = ShardSize is { } size ? AtLeastOne(size, nameof(ShardSize))
        : NumShardsPerPartition is not null ? null : throw new ArgumentException("[shard] give the number of shards per partition, their size or both");

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckEnough(NumPartitions, table);
        var size = ShardSize ?? (int)(table.Count / ((long)NumPartitions * NumShardsPerPartition!.Value));
        if (size == 0 || NumShardsPerPartition is { } number && (long)size * number * NumPartitions > table.Count)
        {
            throw new ArgumentException(
                $"[shard] {NumPartitions} partitions of {NumShardsPerPartition} shards of {Math.Max(size, 1)} rows need more than the {table.Count} there are");
        }
        var keep = KeepIncompleteShard && (NumShardsPerPartition is null || ShardSize is null);
        var shards = keep ? (table.Count + size - 1) / size : table.Count / size;
        if (shards < NumPartitions)
        {
            throw new ArgumentException($"[shard] {table.Count} rows make {shards} shards of {size}, too few for {NumPartitions} partitions; lower {nameof(ShardSize)}");
        }
        var counts = NumShardsPerPartition is { } each ? Enumerable.Repeat(each, NumPartitions) : EvenSizes(shards, NumPartitions);
        var generator = NumpyGenerator.Of(Seed);
        var order = generator.Permutation(shards);
        var sorted = table.Labels(PartitionBy).AscendingRows().SelectMany(rows => rows).ToArray();
        var end = 0;
        var dealt = Cut(order, counts.Select(count => end += count));
        var places = dealt.Select(own => own.SelectMany(shard => Enumerable.Range(shard * size, Math.Min(size, table.Count - shard * size))));
        return [.. Finish(places, Shuffle, generator).Select(own => own.Select(place => sorted[place]).ToArray())];
    }
}
