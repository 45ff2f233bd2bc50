namespace ManagedFed.Federation.Data;

/// <summary>One partition for each value of a column, such as a writer or a speaker, in ascending order of the values.</summary>
/// <param name="PartitionBy">The column.</param>
public sealed record NaturalIdPartitioner(string PartitionBy) : RowPartitioner
{
    /// <summary>The column.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return table.Labels(PartitionBy).AscendingRows();
    }
}

/// <summary>What becomes of the values of a column that fill no group.</summary>
public enum GroupMode
{
    /// <summary>They make a smaller last group.</summary>
    AllowSmaller,

    /// <summary>They are spread over the first groups.</summary>
    AllowBigger,

    /// <summary>They are left out.</summary>
    DropRemainder,

    /// <summary>There may be none.</summary>
    Strict,
}

/// <summary>One partition for each group of values of a column.</summary>
/// <param name="PartitionBy">The column.</param>
/// <param name="GroupSize">Values per group, at least 1.</param>
/// <param name="Mode">What becomes of values that fill no group.</param>
/// <param name="SortUniqueIds">Whether values are grouped in ascending order; else in order of appearance.</param>
public sealed record GroupedNaturalIdPartitioner(
    string PartitionBy, int GroupSize, GroupMode Mode = GroupMode.AllowSmaller, bool SortUniqueIds = false) : RowPartitioner
{
    /// <summary>The column.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>Values per group.</summary>
    public int GroupSize { get; } = AtLeastOne(GroupSize, nameof(GroupSize));

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var ids = table.Labels(PartitionBy);
        if (Mode != GroupMode.AllowSmaller && GroupSize > ids.Count)
        {
            throw new ArgumentException($"[partition] groups of {GroupSize} from {ids.Count} values; only {nameof(GroupMode.AllowSmaller)} makes one smaller group of them");
        }
        var (groups, remainder) = Math.DivRem(ids.Count, GroupSize);
        if (Mode == GroupMode.Strict && remainder != 0)
        {
            throw new ArgumentException($"[partition] {ids.Count} values are no multiple of the group size {GroupSize}; {remainder} remain");
        }
        var sizes = Mode == GroupMode.AllowBigger ? EvenSizes(ids.Count, groups) : Enumerable.Repeat(GroupSize, groups);
        if (Mode == GroupMode.AllowSmaller && remainder > 0) sizes = sizes.Append(remainder);
        var rows = SortUniqueIds ? ids.AscendingRows() : ids.Rows();
        return [.. Runs(sizes).Select(group => group.SelectMany(id => rows[id]).ToArray())];
    }
}
