using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>
/// Named columns of equally many rows, seen through an order of rows: a split of a data set or a partition of it. Selecting rows or
/// columns and concatenating copies no data; they are copied when columns are asked for. Immutable.
/// </summary>
public sealed class Table
{
    private readonly IReadOnlyList<(string Name, Column Column)> columns;
    // The rows of the columns that this table has, in its order; null for all of them as they come.
    private readonly int[]? rows;

    /// <summary>A table of columns.</summary>
    /// <param name="columns">At least one, of equally many rows, with different names.</param>
    /// <exception cref="ArgumentException">There is no column, two have one name, or they differ in their number of rows.</exception>
    public Table(params IReadOnlyList<(string Name, Column Column)> columns) : this(columns, null)
    {
        if (columns.Count == 0) throw new ArgumentException("[table] a table needs a column");
        foreach (var (name, column) in columns)
        {
            if (columns.Count(other => other.Name == name) > 1) throw new ArgumentException($"[table] two columns are called '{name}'");
            if (column.Count != Count) throw new ArgumentException($"[table] column '{name}' has {column.Count} rows, '{columns[0].Name}' has {Count}");
        }
    }

    /// <summary>A table of arrays whose rows belong together.</summary>
    /// <param name="columns">At least one, with different names; shapes (n, …).</param>
    /// <exception cref="ArgumentException">There is no array, two have one name, or they differ in their number of rows.</exception>
    public Table(params IReadOnlyList<(string Name, NdArray Values)> columns) : this([.. columns.Select(column => (column.Name, (Column)new ArrayColumn(column.Values)))])
    {
    }

    private Table(IReadOnlyList<(string Name, Column Column)> columns, int[]? rows)
    {
        (this.columns, this.rows) = (columns, rows);
        Count = rows?.Length ?? (columns.Count == 0 ? 0 : columns[0].Column.Count);
    }

    /// <summary>A table of a model's examples.</summary>
    public static Table Of(Dataset examples, string inputs = "image", string labels = "label")
    {
        ArgumentNullException.ThrowIfNull(examples);
        return new((inputs, examples.Inputs), (labels, examples.Labels));
    }

    /// <summary>The number of rows.</summary>
    public int Count { get; }

    /// <summary>The names of the columns, in order.</summary>
    public IEnumerable<string> ColumnNames => columns.Select(column => column.Name);

    /// <summary>Some rows in the order given, which may come again; a view.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside 0 … Count−1.</exception>
    public Table Select(params ReadOnlySpan<int> indices)
    {
        var selected = new int[indices.Length];
        for (var i = 0; i < selected.Length; i++)
        {
            var index = indices[i];
            if ((uint)index >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(indices), index, $"[select] row {index} of a table of {Count} rows");
            selected[i] = rows is null ? index : rows[index];
        }
        return new(columns, selected);
    }

    /// <summary>The rows start … start+count−1; a view.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the table.</exception>
    public Table Slice(int start, int count)
    {
        if (start < 0 || count < 0 || start > Count - count)
        {
            throw new ArgumentOutOfRangeException(nameof(start), start, $"[slice] rows {start} to {(long)start + count - 1} of a table of {Count} rows");
        }
        return Select([.. Enumerable.Range(start, count)]);
    }

    /// <summary>Some columns in the order given; a view.</summary>
    /// <exception cref="ArgumentException">A name is not a column's.</exception>
    public Table SelectColumns(params IReadOnlyList<string> names) => new([.. names.Select(name => (name, Find(name)))], rows ?? (names.Count == 0 ? [.. Enumerable.Range(0, Count)] : null));

    /// <summary>All rows in the order of <c>numpy.random.default_rng(seed).permutation(Count)</c>, as Hugging Face <c>Dataset.shuffle</c>; a view.</summary>
    /// <param name="seed">Null for another order each time.</param>
    public Table Shuffle(ulong? seed) => Select(NumpyGenerator.Of(seed).Permutation(Count));

    /// <summary>The rows of tables with the same columns after another; a view.</summary>
    /// <exception cref="ArgumentException">There is no table, or their columns differ.</exception>
    public static Table Concatenate(params IReadOnlyList<Table> tables)
    {
        if (tables.Count == 0) throw new ArgumentException("[concatenate] there is no table");
        foreach (var table in tables)
        {
            if (table.ColumnNames.SequenceEqual(tables[0].ColumnNames)) continue;
            throw new ArgumentException($"[concatenate] columns differ: {string.Join(", ", tables[0].ColumnNames)} and {string.Join(", ", table.ColumnNames)}");
        }
        var chained = tables[0].columns.Select((column, i) => (column.Name, (Column)new ChainedColumn([.. tables.Select(table => table.columns[i].Column)])));
        var rows = new List<int>(tables.Sum(table => table.Count));
        var start = 0;
        foreach (var table in tables)
        {
            for (var i = 0; i < table.Count; i++) rows.Add(start + table.RowAt(i));
            start = checked(start + table.columns[0].Column.Count);
        }
        return new([.. chained], [.. rows]);
    }

    /// <summary>Splits the rows as Hugging Face <c>Dataset.train_test_split</c>; both sides are views.</summary>
    /// <param name="testSize">How many rows for testing; what training leaves, or a quarter where that is not given either.</param>
    /// <param name="trainSize">How many rows for training; what testing leaves where it is not given.</param>
    /// <param name="shuffle">Whether rows are chosen at random; else the first are for training.</param>
    /// <param name="stratifyBy">A column of labels whose shares are kept on both sides.</param>
    /// <param name="seed">Null for another split each time.</param>
    /// <exception cref="ArgumentException">A side is empty or too large, or stratification is impossible.</exception>
    public (Table Train, Table Test) TrainTestSplit(
        SplitSize? testSize = null, SplitSize? trainSize = null, bool shuffle = true, string? stratifyBy = null, ulong? seed = null)
    {
        var (train, test) = DataSplit.Choose(this, testSize, trainSize, shuffle, stratifyBy, seed);
        return (Select(train), Select(test));
    }

    /// <summary>A column's rows, as an <see cref="ArrayColumn"/> or a <see cref="TextColumn"/>; whole arrays and runs of their rows are views.</summary>
    /// <exception cref="ArgumentException">The name is not a column's.</exception>
    public Column Column(string name)
    {
        var column = Find(name);
        return rows is null && column is not ChainedColumn ? column : column.Take(rows ?? [.. Enumerable.Range(0, Count)]);
    }

    /// <summary>A column of numbers, shape (Count, …).</summary>
    /// <exception cref="ArgumentException">The name is not a column's, or the column holds text.</exception>
    public NdArray Array(string name) => Column(name) is ArrayColumn array
        ? array.Values
        : throw new ArgumentException($"[table] column '{name}' holds text, expected numbers");

    /// <summary>The examples for a model: one column it sees and one it should say.</summary>
    /// <exception cref="ArgumentException">A name is not a column's, or a column holds text.</exception>
    public Dataset ToDataset(string inputs = "image", string labels = "label") => new(Array(inputs), Array(labels));

    /// <summary>The labels of a column and who has which.</summary>
    internal Labels Labels(string name) => Data.Labels.Of(name, Column(name));

    /// <summary>The number of rows and a line for each column.</summary>
    public override string ToString() => $"Table of {Count} rows" + string.Concat(columns.Select(column => $"\n    {column.Name}: {(rows is null ? $"{column.Column}" : $"rows of {column.Column}")}"));

    private Column Find(string name)
    {
        foreach (var column in columns)
        {
            if (column.Name == name) return column.Column;
        }
        throw new ArgumentException($"[table] there is no column '{name}'; the columns are {string.Join(", ", ColumnNames)}");
    }

    private int RowAt(int index) => rows is null ? index : rows[index];
}
