namespace ManagedFed.Federation.Data;

/// <summary>Makes splits of splits before they are divided among clients.</summary>
public interface IPreprocessor
{
    /// <summary>The new splits, by name.</summary>
    /// <exception cref="ArgumentException">A split is missing, or does not allow what is asked for.</exception>
    IReadOnlyDictionary<string, Table> Apply(IReadOnlyDictionary<string, Table> splits);
}

/// <summary>Joins splits to new ones: Flower Datasets' <c>Merger</c>.</summary>
/// <param name="mergeConfig">For each new split the ones it is made of, in order; splits named nowhere are left out.</param>
/// <example><code>new Merger(new() { ["train"] = ["train", "valid"], ["test"] = ["test"] })</code></example>
public sealed class Merger(Dictionary<string, string[]> mergeConfig) : IPreprocessor
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Table> Apply(IReadOnlyDictionary<string, Table> splits) => mergeConfig.ToDictionary(
        entry => entry.Key, entry => Table.Concatenate([.. entry.Value.Select(name => Splits.Find("merger", splits, name))]));
}

/// <summary>Cuts splits into new ones, from their first row on: Flower Datasets' <c>Divider</c>.</summary>
/// <example><code>new Divider(new() { ["train"] = 0.8, ["valid"] = 0.2 }, divideSplit: "train")</code></example>
public sealed class Divider : IPreprocessor
{
    private readonly Dictionary<string, Dictionary<string, DivideSize>>? many;
    private readonly Dictionary<string, DivideSize>? one;
    private readonly string? divideSplit;
    private readonly bool dropRemainingSplits;

    /// <summary>Cuts one split.</summary>
    /// <param name="divideConfig">For each new split its size; rows past the sum of sizes are left out.</param>
    /// <param name="divideSplit">The split to cut; may be left out where there is one alone.</param>
    /// <param name="dropRemainingSplits">Whether the splits that are not cut are left out.</param>
    public Divider(Dictionary<string, DivideSize> divideConfig, string? divideSplit = null, bool dropRemainingSplits = false)
    {
        one = new(divideConfig ?? throw new ArgumentNullException(nameof(divideConfig)));
        (this.divideSplit, this.dropRemainingSplits) = (divideSplit, dropRemainingSplits);
    }

    private Divider(Dictionary<string, Dictionary<string, DivideSize>> divideConfig, bool dropRemainingSplits) =>
        (many, this.dropRemainingSplits) = (divideConfig, dropRemainingSplits);

    /// <summary>Cuts several splits.</summary>
    /// <param name="divideConfig">For each split to cut, each new split's size; rows past the sum of sizes are left out.</param>
    /// <param name="dropRemainingSplits">Whether the splits that are not cut are left out.</param>
    /// <exception cref="ArgumentException">Two new splits have one name.</exception>
    public static Divider OfMany(Dictionary<string, Dictionary<string, DivideSize>> divideConfig, bool dropRemainingSplits = false)
    {
        ArgumentNullException.ThrowIfNull(divideConfig);
        var twice = divideConfig.Values.SelectMany(sizes => sizes.Keys).GroupBy(name => name).FirstOrDefault(names => names.Count() > 1)?.Key;
        return twice is null
            ? new(divideConfig.ToDictionary(entry => entry.Key, entry => new Dictionary<string, DivideSize>(entry.Value)), dropRemainingSplits)
            : throw new ArgumentException($"[divider] two new splits are called '{twice}'");
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Table> Apply(IReadOnlyDictionary<string, Table> splits)
    {
        ArgumentNullException.ThrowIfNull(splits);
        var config = many ?? new() { [divideSplit ?? Only(splits)] = one! };
        var result = dropRemainingSplits
            ? []
            : splits.Where(split => !config.ContainsKey(split.Key)).ToDictionary(split => split.Key, split => split.Value);
        foreach (var (name, sizes) in config)
        {
            var table = Splits.Find("divider", splits, name);
            var start = 0;
            foreach (var (part, rows) in Rows(name, sizes, table.Count))
            {
                if (!result.TryAdd(part, table.Slice(start, rows))) throw new ArgumentException($"[divider] there is a split '{part}' already");
                start += rows;
            }
        }
        return result;
    }

    private static List<(string Part, int Rows)> Rows(string name, Dictionary<string, DivideSize> sizes, int count)
    {
        if (sizes.Values.Select(size => size.IsShare).Distinct().Count() != 1)
        {
            throw new ArgumentException($"[divider] the sizes of '{name}' are {string.Join(", ", sizes.Values)}, expected all shares or all numbers of rows");
        }
        var rows = sizes.Select(entry => (entry.Key, entry.Value.Rows(count))).ToList();
        var empty = rows.Find(part => part.Item2 < 1).Key;
        if (empty is not null) throw new ArgumentException($"[divider] size {sizes[empty]} leaves new split '{empty}' without a row of the {count} of '{name}'");
        if (sizes.Values.Sum(size => size.IsShare ? size.Value : 0) > 1 || rows.Sum(part => (long)part.Item2) > count)
        {
            throw new ArgumentException($"[divider] the sizes {string.Join(", ", sizes.Values)} are more than the {count} rows of '{name}'");
        }
        return rows;
    }

    private static string Only(IReadOnlyDictionary<string, Table> splits) => splits.Count == 1
        ? splits.Keys.Single()
        : throw new ArgumentException($"[divider] say which split to cut; the splits are {string.Join(", ", splits.Keys)}");
}

/// <summary>The size of a new split: a number of rows or a share of them, rounded down.</summary>
public readonly record struct DivideSize
{
    private DivideSize(double value, bool isShare) => (Value, IsShare) = (value, isShare);

    internal double Value { get; }

    internal bool IsShare { get; }

    /// <summary>So many rows, at least 1.</summary>
    public static implicit operator DivideSize(int rows) => new(rows, isShare: false);

    /// <summary>A share of the rows, above 0 and at most 1.</summary>
    public static implicit operator DivideSize(double share) => new(share, isShare: true);

    internal int Rows(int count) => (int)(IsShare ? count * Value : Value);

    /// <inheritdoc/>
    public override string ToString() => IsShare ? $"{Value:0.##%}" : $"{Value}";
}

internal static class Splits
{
    public static Table Find(string what, IReadOnlyDictionary<string, Table> splits, string name) => splits.TryGetValue(name, out var table)
        ? table
        : throw new ArgumentException($"[{what}] there is no split '{name}'; the splits are {string.Join(", ", splits.Keys)}");
}
