using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>One value per row: an <see cref="ArrayColumn"/> of numbers or a <see cref="TextColumn"/>.</summary>
public abstract class Column
{
    private protected Column()
    {
    }

    /// <summary>The number of rows.</summary>
    public abstract int Count { get; }

    /// <summary>What the labels 0, 1, … of a class column are called, where that is known.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The number of rows and what they hold.</summary>
    public override string ToString() => Kind + (ClassNames is null ? "" : $" of {ClassNames.Count} classes");

    private protected abstract string Kind { get; }

    /// <summary>Some rows in the order given, as an <see cref="ArrayColumn"/> or a <see cref="TextColumn"/>; a run of rows of an array is a view.</summary>
    internal abstract Column Take(ReadOnlySpan<int> rows);

    /// <summary>Numbers that stand for different classes in different parts must not be mixed.</summary>
    /// <exception cref="ArgumentException">Two parts with rows name different classes.</exception>
    private protected static void RefuseOtherClasses(IReadOnlyList<Column> parts)
    {
        Column? first = null;
        foreach (var part in parts)
        {
            if (part.Count == 0 || part.ClassNames is null) continue;
            first ??= part;
            if (!part.ClassNames.SequenceEqual(first.ClassNames!)) throw new ArgumentException($"[concatenate] the classes differ: {Some(first)} and {Some(part)}; read the files with the same classes");
        }

        static string Some(Column column) => string.Join(", ", column.ClassNames!.Take(10)) + (column.ClassNames!.Count > 10 ? ", …" : "");
    }

    /// <summary>The rows of several columns of one kind after another.</summary>
    internal static Column Concatenate(IReadOnlyList<Column> parts)
    {
        if (parts.Count == 1) return parts[0];
        RefuseOtherClasses(parts);
        if (parts.All(part => part is TextColumn)) return new TextColumn([.. parts.SelectMany(part => ((TextColumn)part).Values)]) { ClassNames = parts[0].ClassNames };
        var arrays = parts.OfType<ArrayColumn>().Select(part => part.Values).ToArray();
        if (arrays.Length < parts.Count) throw new ArgumentException("[concatenate] some columns hold numbers and some text");
        foreach (var array in arrays)
        {
            if (array.DType != arrays[0].DType || !array.Shape.Sizes[1..].SequenceEqual(arrays[0].Shape.Sizes[1..]))
            {
                throw new ArgumentException($"[concatenate] rows differ: {array.DType.Name()} {array.Shape} and {arrays[0].DType.Name()} {arrays[0].Shape}");
            }
        }
        return new ArrayColumn(Tensor.Concatenate([.. arrays.Select(array => (Tensor)array)]).ToNdArray()) { ClassNames = parts[0].ClassNames };
    }
}

/// <summary>Numbers, one entry of axis 0 per row.</summary>
/// <param name="values">Shape (n, …).</param>
/// <exception cref="ArgumentException">The array is a scalar.</exception>
public sealed class ArrayColumn(NdArray values) : Column
{
    /// <summary>The numbers, shape (n, …).</summary>
    public NdArray Values { get; } = values is { Shape.Rank: > 0 } ? values : throw new ArgumentException("[column] a scalar has no rows");

    /// <inheritdoc/>
    public override int Count => Values.Shape[0];

    private protected override string Kind => $"{Values.Shape} {Values.DType.Name()}";

    internal override Column Take(ReadOnlySpan<int> rows) =>
        new ArrayColumn(IsRun(rows) ? Values.Slice(0, rows.IsEmpty ? 0 : rows[0], rows.Length) : Values.GatherRows(rows)) { ClassNames = ClassNames };

    private static bool IsRun(ReadOnlySpan<int> rows)
    {
        for (var i = 1; i < rows.Length; i++)
        {
            if (rows[i] != rows[0] + i) return false;
        }
        return true;
    }
}

/// <summary>Texts, one per row.</summary>
/// <param name="values">The texts; null where one is missing.</param>
public sealed class TextColumn(IReadOnlyList<string?> values) : Column
{
    /// <summary>The texts, null where one is missing.</summary>
    public IReadOnlyList<string?> Values { get; } = values;

    /// <inheritdoc/>
    public override int Count => Values.Count;

    private protected override string Kind => $"{Count} texts";

    internal override Column Take(ReadOnlySpan<int> rows)
    {
        var taken = new string?[rows.Length];
        for (var i = 0; i < rows.Length; i++) taken[i] = Values[rows[i]];
        return new TextColumn(taken) { ClassNames = ClassNames };
    }
}

/// <summary>Columns one after another without copying them.</summary>
internal sealed class ChainedColumn : Column
{
    private readonly IReadOnlyList<Column> parts;
    private readonly int[] starts;

    public ChainedColumn(IReadOnlyList<Column> parts)
    {
        RefuseOtherClasses(parts);
        this.parts = parts;
        starts = new int[parts.Count];
        for (var i = 1; i < starts.Length; i++) starts[i] = checked(starts[i - 1] + parts[i - 1].Count);
        Count = checked(starts[^1] + parts[^1].Count);
        ClassNames = parts[0].ClassNames;
    }

    public override int Count { get; }

    private protected override string Kind => $"{Count} rows of {parts.Count} parts";

    internal override Column Take(ReadOnlySpan<int> rows)
    {
        // Each part's rows together, then the order asked for.
        var inside = parts.Select(_ => new List<int>()).ToArray();
        var places = parts.Select(_ => new List<int>()).ToArray();
        for (var i = 0; i < rows.Length; i++)
        {
            var found = Array.BinarySearch(starts, rows[i]);
            var part = found >= 0 ? found : ~found - 1;
            // An empty part starts where the next one does.
            while (part + 1 < starts.Length && starts[part + 1] <= rows[i]) part++;
            inside[part].Add(rows[i] - starts[part]);
            places[part].Add(i);
        }
        var used = Enumerable.Range(0, parts.Count).Where(part => inside[part].Count > 0).ToArray();
        if (used.Length == 0) return parts[0].Take([]);
        var grouped = Concatenate([.. used.Select(part => parts[part].Take(inside[part].ToArray()))]);
        var order = new int[rows.Length];
        var next = 0;
        foreach (var part in used)
        {
            foreach (var place in places[part]) order[place] = next++;
        }
        return grouped.Take(order);
    }
}
