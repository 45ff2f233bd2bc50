namespace ManagedFed.Nn.Data;

/// <summary>The columns of a CSV file, all of equal length.</summary>
public sealed class CsvTable
{
    // The line in the file of each record.
    private readonly List<int> lines;

    internal CsvTable(IReadOnlyList<CsvColumn> columns, List<int> lines) => (Columns, Count, this.lines) = (columns, lines.Count, lines);

    /// <summary>The columns in the order of the file.</summary>
    public IReadOnlyList<CsvColumn> Columns { get; }

    /// <summary>The number of records.</summary>
    public int Count { get; }

    /// <summary>The column of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none; the message lists those there are.</exception>
    public CsvColumn this[string name] => Columns.FirstOrDefault(column => column.Name == name)
        ?? throw new KeyNotFoundException($"[csv] there is no column {name}, only {string.Join(", ", Columns.Select(column => column.Name))}");

    /// <summary>Examples: some columns side by side as inputs of shape (n, columns), and one as labels of shape (n,).</summary>
    /// <param name="label">The column of the labels; classes and whole numbers become int32 numbers, others <paramref name="dtype"/>.</param>
    /// <param name="inputs">The columns of the inputs; all others when none are given.</param>
    /// <param name="dtype">The type of the inputs, a floating one.</param>
    /// <exception cref="KeyNotFoundException">There is no such column.</exception>
    /// <exception cref="ArgumentException">There are no inputs, a label does not fit int32, or one is missing (NaN, or the empty text); missing inputs are NaN.</exception>
    public Dataset ToDataset(string label, IReadOnlyList<string>? inputs = null, DType dtype = DType.Float32)
    {
        var labels = this[label].Values;
        RefuseMissing(this[label]);
        var names = inputs ?? [.. Columns.Select(column => column.Name).Where(name => name != label)];
        if (names.Count == 0) Throw.Argument("csv", $"there is no column beside the label {label}");
        if (!dtype.IsFloating()) Throw.DTypeMismatch("csv", dtype, "a floating type for the inputs");
        var columns = names.Select(name => (Tensor)this[name].Values.AsType(dtype)).ToArray();
        var integral = labels.DType == DType.Int64 ? Fitting(label, labels) : labels;
        return new(Tensor.Stack(columns, axis: 1).ToNdArray(), integral.AsType(labels.DType.IsFloating() ? dtype : DType.Int32));
    }

    private static NdArray Fitting(string label, NdArray labels)
    {
        foreach (var value in labels.AsSpan<long>())
        {
            if (value is < int.MinValue or > int.MaxValue) Throw.Argument("csv", $"label {value} of column {label} does not fit int32");
        }
        return labels;
    }

    private void RefuseMissing(CsvColumn label)
    {
        var empty = label.Classes is { } classes ? classes.ToList().IndexOf("") : -1;
        var row = label.Values.DType == DType.Float64 ? label.Values.AsSpan<double>().IndexOf(double.NaN)
            : label.Values.DType.IsFloating() ? label.Values.AsType(DType.Float64).AsSpan<double>().IndexOf(double.NaN)
            : empty >= 0 ? label.Values.AsSpan<int>().IndexOf(empty) : -1;
        if (row >= 0) Throw.Argument("csv", $"the label of column {label.Name} in line {lines[row]} is missing; leave the record out");
    }

    /// <summary>The number of records and a line for each column.</summary>
    public override string ToString() => $"CsvTable of {Count} records" + string.Concat(Columns.Select(column => $"\n    {column}"));
}
