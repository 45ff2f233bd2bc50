using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>
/// CSV files, one to a split, read together as by <see cref="Csv.LoadAlike"/>. Each of their columns becomes one of the table: int64, float64 or bool of
/// shape (n,), or for text the int32 numbers of its classes, which are those given in <see cref="CsvOptions.Classes"/>, else the texts of all splits in
/// ordinal order. Clients with files of their own number alike only if they are given the same classes.
/// </summary>
/// <param name="files">The file of each split; all have the same columns.</param>
/// <param name="options">How to read them.</param>
/// <example>
/// <code>
/// var source = new CsvSource("iris.csv") { Features = ["length", "width"] };
/// var iris = new FederatedDataset(source, new() { ["train"] = new DirichletPartitioner(10, "species", Alpha: 0.5) });
/// var examples = iris.LoadPartition(0).ToDataset("features", "species");
/// </code>
/// </example>
public sealed class CsvSource(IReadOnlyDictionary<string, string> files, CsvOptions? options = null) : IDataSource
{
    private readonly IReadOnlyDictionary<string, string> files = files ?? throw new ArgumentNullException(nameof(files));

    /// <summary>One file, as the split <c>train</c>.</summary>
    public CsvSource(string path, CsvOptions? options = null) : this(new Dictionary<string, string> { ["train"] = path }, options)
    {
    }

    /// <summary>Columns of numbers that stand side by side in one column <c>features</c>, float32 of shape (n, count), instead of each for itself.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A feature is no column of numbers, a column is called <c>features</c> already, or the options name a column that is not there.</exception>
    public IReadOnlyDictionary<string, Table> Load()
    {
        if (files.Count == 0) throw new ArgumentException("[csv] there is no file");
        var tables = files.Keys.Zip(Csv.LoadAlike([.. files.Values], options)).ToDictionary(split => split.First, split => split.Second);
        var names = tables.Values.First().Columns.Select(column => column.Name).ToArray();
        foreach (var name in Features)
        {
            if (!names.Contains(name)) throw new ArgumentException($"[csv] there is no column {name} for the features, only {string.Join(", ", names)}");
        }
        if (Features.Count > 0 && names.Except(Features).Contains("features")) throw new ArgumentException("[csv] a column is called features already; name it among the features or rename it");

        return tables.ToDictionary(split => split.Key, split => Table(split.Value));
    }

    private Table Table(CsvTable table)
    {
        var own = table.Columns.Where(column => !Features.Contains(column.Name)).Select(column => (column.Name, (Column)new ArrayColumn(column.Values) { ClassNames = column.Classes }));
        if (Features.Count == 0) return new([.. own]);
        var features = Features.Select(name => table[name] is { Classes: null } column
            ? (Tensor)column.Values.AsType(DType.Float32)
            : throw new ArgumentException($"[csv] column {name} of the features holds text, such as '{(table[name].Classes is [var text, ..] ? text : "")}'"));
        return new([("features", new ArrayColumn(Tensor.Stack([.. features], axis: 1).ToNdArray())), .. own]);
    }
}
