using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace ManagedFed.Nn.Data;

public static partial class HuggingFace
{
    /// <summary>Reads columns, each as it is: numbers keep their type, images become float32 pixel/255, and text stays text.</summary>
    /// <param name="path">A parquet file.</param>
    /// <param name="columns">The names of the columns wanted, in this order; all columns of the file when null.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="FormatException">The content is no parquet file, lacks a column, or one holds neither numbers, images nor text; or a number or an image is missing.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static Task<IReadOnlyList<ParquetColumn>> LoadColumnsAsync(string path, IReadOnlyList<string>? columns = null, CancellationToken cancellation = default) =>
        OpenAsync(path, file => ReadColumnsAsync(file, columns, cancellation));

    /// <summary>Reads columns from a seekable stream, which stays open.</summary>
    /// <inheritdoc cref="LoadColumnsAsync"/>
    public static Task<IReadOnlyList<ParquetColumn>> ReadColumnsAsync(Stream source, IReadOnlyList<string>? columns = null, CancellationToken cancellation = default) =>
        ReadAsync<IReadOnlyList<ParquetColumn>>(source, async reader =>
        {
            var classes = Classes(reader);
            var read = new List<ParquetColumn>();
            foreach (var name in columns ?? [.. reader.Schema.Fields.Select(field => field.Name)])
            {
                cancellation.ThrowIfCancellationRequested();
                var text = Array.Find(reader.Schema.DataFields, field => field.Path.ToString() == name && field.ClrType == typeof(ReadOnlyMemory<char>) && field.MaxRepetitionLevel == 0);
                read.Add(text is null
                    ? new(name, await ColumnAsync(reader, name, cancellation).ConfigureAwait(false), null, classes.GetValueOrDefault(name))
                    : new(name, null, await TextsAsync(reader, text, cancellation).ConfigureAwait(false), null));
            }
            return read;
        }, cancellation);

    private static async Task<IReadOnlyList<string?>> TextsAsync(ParquetReader reader, DataField field, CancellationToken cancellation)
    {
        CheckRows(reader);
        var texts = new List<string?>();
        foreach (var group in reader.RowGroups)
        {
            var part = new string?[checked((int)group.RowCount)];
            await group.ReadAsync(field, part!, cancellationToken: cancellation).ConfigureAwait(false);
            texts.AddRange(part);
        }
        return texts;
    }

    /// <summary>The names of classes, which the writer leaves as JSON beside the data: info.features.label.names.</summary>
    private static Dictionary<string, IReadOnlyList<string>> Classes(ParquetReader reader)
    {
        var found = new Dictionary<string, IReadOnlyList<string>>();
        if (!reader.CustomMetadata.TryGetValue("huggingface", out var json)) return found;
        using var document = JsonDocument.Parse(json);
        foreach (var feature in Member(Member(document.RootElement, "info"), "features") is { } features ? features.EnumerateObject() : default)
        {
            if (Member(feature.Value, "names") is { ValueKind: JsonValueKind.Array } names) found[feature.Name] = [.. names.EnumerateArray().Select(name => name.GetString()!)];
        }
        return found;

        static JsonElement? Member(JsonElement? element, string name) =>
            element is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(name, out var member) ? member : null;
    }
}
