using System.Text.RegularExpressions;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>
/// Hugging Face data sets in parquet files, as the hub keeps them: numbers of shape (n,) in their own type, images as float32 of shape
/// (n, height, width) or (n, height, width, 3) with pixel/255, and text. Classes keep the names that the files give them.
/// </summary>
/// <remarks>An assembly of its own: a federation that reads no parquet carries no parquet reader, and layers know of no federation.</remarks>
/// <example>
/// <code>
/// var mnist = new FederatedDataset(ParquetSource.Folder("mnist/data"), new() { ["train"] = new DirichletPartitioner(10, "label", Alpha: 0.5) });
/// </code>
/// </example>
/// <param name="files">The files of each split; the rows of a split's files follow each other.</param>
/// <param name="columns">The columns wanted; all when null.</param>
/// <param name="cancellation">Ends the reading.</param>
public sealed partial class ParquetSource(
    IReadOnlyDictionary<string, IReadOnlyList<string>> files, IReadOnlyList<string>? columns = null, CancellationToken cancellation = default) : IDataSource
{
    private readonly IReadOnlyDictionary<string, IReadOnlyList<string>> files = files ?? throw new ArgumentNullException(nameof(files));

    /// <summary>One file, as the split <c>train</c>.</summary>
    public ParquetSource(string path, IReadOnlyList<string>? columns = null, CancellationToken cancellation = default)
        : this(new Dictionary<string, IReadOnlyList<string>> { ["train"] = [path] }, columns, cancellation)
    {
    }

    /// <summary>
    /// The files of a folder, named by their splits as on the hub: <c>train-00000-of-00002.parquet</c> or <c>train.parquet</c>.
    /// </summary>
    /// <param name="folder">The folder; others inside it are not looked at.</param>
    /// <param name="columns">The columns wanted; all when null.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">The folder cannot be read, holds no such file, or one of several parts is missing.</exception>
    public static ParquetSource Folder(string folder, IReadOnlyList<string>? columns = null, CancellationToken cancellation = default)
    {
        var named = Directory.GetFiles(folder, "*.parquet").Order(StringComparer.Ordinal).Select(path => (Path: path, Name: FileName().Match(Path.GetFileName(path)))).ToArray();
        if (named.Length == 0) throw new FileNotFoundException($"[parquet] there is no file *.parquet in {folder}");
        foreach (var split in named.GroupBy(file => file.Name.Groups["split"].Value))
        {
            var parts = split.Max(file => file.Name.Groups["of"] is { Success: true } of ? int.Parse(of.Value) : 1);
            if (split.Count() != parts) throw new FileNotFoundException($"[parquet] split '{split.Key}' has {split.Count()} files in {folder}, expected {parts}");
        }
        return new(named.ToLookup(file => file.Name.Groups["split"].Value, file => file.Path).ToDictionary(split => split.Key, split => (IReadOnlyList<string>)[.. split]), columns, cancellation);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A split has no file, or its files differ in their columns.</exception>
    public IReadOnlyDictionary<string, Table> Load() => LoadAsync().GetAwaiter().GetResult();

    private async Task<IReadOnlyDictionary<string, Table>> LoadAsync()
    {
        var splits = new Dictionary<string, Table>();
        foreach (var (split, paths) in files)
        {
            var parts = new List<Table>();
            foreach (var path in paths)
            {
                var read = await HuggingFace.LoadColumnsAsync(path, columns, cancellation).ConfigureAwait(false);
                parts.Add(new([.. read.Select(column => (column.Name, Column(column)))]));
            }
            splits[split] = parts.Count == 1 ? parts[0] : Table.Concatenate(parts);
        }
        return splits;
    }

    private static Column Column(ParquetColumn column) =>
        column.Values is { } values ? new ArrayColumn(values) { ClassNames = column.Classes } : new TextColumn(column.Texts!);

    [GeneratedRegex(@"^(?<split>.+?)(-(?<part>\d{5})-of-(?<of>\d{5}))?\.parquet$", RegexOptions.ExplicitCapture)]
    private static partial Regex FileName();
}
