using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>
/// CSV files, one to a split. Each of their columns becomes one of the table: int64, float64 or bool of shape (n,), or for text the
/// int32 numbers of its classes, which are the texts of all splits together in ordinal order.
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
    /// <exception cref="ArgumentException">A feature is no column of numbers, or a column has that name.</exception>
    public IReadOnlyDictionary<string, Table> Load()
    {
        var read = files.ToDictionary(file => file.Key, file => Csv.Load(file.Value, options));
        if (read.Count == 0) throw new ArgumentException("[csv] there is no file");
        var names = read.First().Value.Columns.Select(column => column.Name).ToArray();
        foreach (var (split, table) in read)
        {
            var others = table.Columns.Select(column => column.Name).ToHashSet();
            if (!others.SetEquals(names)) throw new FormatException($"[csv] split '{split}' has the columns {string.Join(", ", others)}, '{read.First().Key}' {string.Join(", ", names)}");
        }
        foreach (var name in Features)
        {
            if (!names.Contains(name)) throw new ArgumentException($"[csv] there is no column {name} for the features, only {string.Join(", ", names)}");
        }
        if (Features.Count > 0 && names.Except(Features).Contains("features")) throw new ArgumentException("[csv] a column is called features already; name it among the features or rename it");

        var columns = names.ToDictionary(name => name, name => Alike(name, read.ToDictionary(split => split.Key, split => split.Value[name])));
        return read.Keys.ToDictionary(split => split, split => Table(split, names, columns));
    }

    private Table Table(string split, string[] names, Dictionary<string, Dictionary<string, ArrayColumn>> columns)
    {
        var own = names.Except(Features).Select(name => (name, (Column)columns[name][split]));
        if (Features.Count == 0) return new([.. own]);
        var features = Features.Select(name => columns[name][split] is { ClassNames: null } column
            ? (Tensor)column.Values.AsType(DType.Float32)
            : throw new ArgumentException($"[csv] column {name} of the features holds text, such as '{columns[name][split].ClassNames![0]}'"));
        return new([("features", new ArrayColumn(Tensor.Stack([.. features], axis: 1).ToNdArray())), .. own]);
    }

    /// <summary>The column of each split with the type and the classes of all.</summary>
    private static Dictionary<string, ArrayColumn> Alike(string name, Dictionary<string, CsvColumn> splits)
    {
        // A split without rows says nothing about its types.
        var telling = splits.Values.Where(column => column.Values.Count > 0).DefaultIfEmpty(splits.Values.First()).ToArray();
        if (telling.All(column => column.Classes is not null))
        {
            string[] classes = [.. telling.SelectMany(column => column.Classes!).Distinct().Order(StringComparer.Ordinal)];
            return splits.ToDictionary(split => split.Key, split => new ArrayColumn(Renumber(split.Value, classes)) { ClassNames = classes });
        }
        var types = telling.Select(column => column.Values.DType).Distinct().ToArray();
        if (telling.All(column => column.Classes is null) && (types.Length == 1 || !types.Contains(DType.Bool)))
        {
            var type = types.Length == 1 ? types[0] : DType.Float64;
            return splits.ToDictionary(split => split.Key, split => new ArrayColumn(split.Value.Values.AsType(type)));
        }
        throw new FormatException($"[csv] column {name} holds {string.Join(", ", splits.Select(split => $"{Kind(split.Value)} in split '{split.Key}'"))}; give its type in CsvOptions.Types");
    }

    private static NdArray Renumber(CsvColumn column, string[] classes)
    {
        if (column.Values.Count == 0) return NdArray.From<int>([], [0]);
        var numbers = column.Classes!.Select(text => Array.BinarySearch(classes, text, StringComparer.Ordinal)).ToArray();
        return NdArray.From<int>(Array.ConvertAll(column.Values.ToArray<int>(), code => numbers[code]), [(int)column.Values.Count]);
    }

    private static string Kind(CsvColumn column) => column.Classes is null ? column.Values.DType.Name() : "text";
}
