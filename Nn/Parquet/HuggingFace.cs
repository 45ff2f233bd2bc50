using Parquet;
using Parquet.Schema;

namespace ManagedFed.Nn.Data;

/// <summary>Data sets in parquet files, as Hugging Face publishes them: numbers, and images as PNG files in a column of bytes and path.</summary>
/// <remarks>
/// What a file claims is held against its bytes before memory is taken for it: footer, place and sizes of every page. A file that claims more than
/// 32 MiB and 4096 times its own length is refused, and so is one whose reading comes to no end.
/// Source: https://huggingface.co/docs/hub/datasets-image (columns <c>image.bytes</c>, <c>image.path</c>).
/// </remarks>
public static partial class HuggingFace
{
    /// <summary>The most values of one column, 2²⁸.</summary>
    private const long MaxRows = 1 << 28;

    /// <summary>Reads a column of inputs and a column of labels.</summary>
    /// <param name="path">A parquet file.</param>
    /// <param name="inputs">
    /// A column of images, all of one size, which become float32 of shape (n, height, width) or (n, height, width, 3) with pixel/255 in 0 … 1; or
    /// a column of numbers, which keep their type.
    /// </param>
    /// <param name="labels">A column of whole numbers, which become int32, or of fractions, which keep their type.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="FormatException">The content is no parquet file, lacks a column, or a value is missing or is no such image.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static Task<Dataset> LoadAsync(string path, string inputs = "image", string labels = "label", CancellationToken cancellation = default) =>
        OpenAsync(path, file => ReadAsync(file, inputs, labels, cancellation));

    /// <summary>Reads a column of inputs and a column of labels from a seekable stream, which stays open.</summary>
    /// <inheritdoc cref="LoadAsync"/>
    public static Task<Dataset> ReadAsync(Stream source, string inputs = "image", string labels = "label", CancellationToken cancellation = default) =>
        ReadAsync<Dataset>(source, async reader =>
        {
            var x = await ColumnAsync(reader, inputs, cancellation).ConfigureAwait(false);
            var y = await ColumnAsync(reader, labels, cancellation).ConfigureAwait(false);
            if (x.Shape[0] != y.Shape[0]) throw Malformed($"column {inputs} has {x.Shape[0]} rows, {labels} {y.Shape[0]}");
            return new(x, y.DType.IsFloating() ? y : Labels(labels, y));
        }, cancellation);

    private static async Task<T> OpenAsync<T>(string path, Func<Stream, Task<T>> read)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using (file.ConfigureAwait(false))
        {
            try
            {
                return await read(file).ConfigureAwait(false);
            }
            catch (FormatException e)
            {
                throw new FormatException($"{e.Message} (file {path})", e);
            }
        }
    }

    private static async Task<T> ReadAsync<T>(Stream source, Func<ParquetReader, Task<T>> read, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!source.CanSeek) throw new ArgumentException("[parquet] the stream cannot seek; copy it to a MemoryStream or a file first", nameof(source));
        try
        {
            var start = source.Position;
            ParquetGuard.Check(source);
            source.Position = start;
            var reader = await ParquetReader.CreateAsync(new BoundedReads(source), leaveStreamOpen: true, cancellationToken: cancellation).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                return await read(reader).ConfigureAwait(false);
            }
        }
        // The reader meets hostile bytes with whatever its parts throw, a plain IOException for one.
        catch (Exception e) when (e is not (FormatException or OperationCanceledException or OutOfMemoryException))
        {
            throw new FormatException($"[parquet] the file is damaged or of a kind that is not supported: {e.Message}", e);
        }
    }

    private static Task<NdArray> ColumnAsync(ParquetReader reader, string name, CancellationToken cancellation)
    {
        CheckRows(reader);
        var fields = reader.Schema.DataFields;
        if (Array.Find(fields, field => field.Path.ToString() == $"{name}/bytes") is { } image) return ImagesAsync(reader, image, name, cancellation);
        var column = Array.Find(fields, field => field.Path.ToString() == name)
            ?? throw Malformed($"there is no column {name}, only {string.Join(", ", fields.Select(field => field.Path.ToString()))}");
        if (column.MaxRepetitionLevel > 0) throw Malformed($"column {name} holds lists, expected numbers or images");
        return column.ClrType switch
        {
            var type when type == typeof(bool) => NumbersAsync<bool>(reader, column, cancellation),
            var type when type == typeof(byte) => NumbersAsync<byte>(reader, column, cancellation),
            var type when type == typeof(int) => NumbersAsync<int>(reader, column, cancellation),
            var type when type == typeof(uint) => NumbersAsync<uint>(reader, column, cancellation),
            var type when type == typeof(long) => NumbersAsync<long>(reader, column, cancellation),
            var type when type == typeof(float) => NumbersAsync<float>(reader, column, cancellation),
            var type when type == typeof(double) => NumbersAsync<double>(reader, column, cancellation),
            var type => throw Malformed($"column {name} is of type {type.Name}, expected bool, uint8, int32, uint32, int64, float32, float64 or images"),
        };
    }

    private static async Task<NdArray> NumbersAsync<T>(ParquetReader reader, DataField field, CancellationToken cancellation) where T : unmanaged
    {
        var values = new List<T>();
        foreach (var group in reader.RowGroups)
        {
            var count = checked((int)group.RowCount);
            if (!field.IsNullable)
            {
                var part = new T[count];
                await group.ReadAsync<T>(field, part, cancellationToken: cancellation).ConfigureAwait(false);
                values.AddRange(part);
                continue;
            }
            var parts = new T?[count];
            await group.ReadAsync<T>(field, parts, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (var value in parts) values.Add(value ?? throw Missing(field, values.Count));
        }
        return NdArray.From<T>([.. values], [values.Count]);
    }

    private static async Task<NdArray> ImagesAsync(ParquetReader reader, DataField field, string name, CancellationToken cancellation)
    {
        var images = new List<NdArray>();
        foreach (var group in reader.RowGroups)
        {
            var count = checked((int)group.RowCount);
            var files = new ReadOnlyMemory<byte>[count];
            var levels = new int[field.MaxDefinitionLevel > 0 ? count : 0];
            await group.ReadRawAsync<ReadOnlyMemory<byte>>(field, files, levels.Length > 0 ? levels.AsMemory() : (Memory<int>?)null, null, cancellation).ConfigureAwait(false);
            // Values that are missing have a lower level, and no place among the others.
            var missing = levels.AsSpan().IndexOfAnyExcept(field.MaxDefinitionLevel);
            if (missing >= 0) throw Missing(field, images.Count + missing);
            foreach (var file in files)
            {
                cancellation.ThrowIfCancellationRequested();
                images.Add(Image(file.Span, name, images.Count));
                if (images[^1].Shape != images[0].Shape) throw Malformed($"image {images.Count - 1} of column {name} has shape {images[^1].Shape}, the first {images[0].Shape}");
            }
        }
        if (images.Count == 0) throw Malformed($"column {name} has no images");
        var size = (int)images[0].Count;
        var pixels = new float[checked(images.Count * size)];
        for (var i = 0; i < images.Count; i++)
        {
            var image = images[i].AsSpan<byte>();
            for (var j = 0; j < size; j++) pixels[i * size + j] = image[j] / 255f;
        }
        return NdArray.From<float>(pixels, [images.Count, .. images[0].Shape.Sizes]);
    }

    private static NdArray Image(ReadOnlySpan<byte> file, string name, int row)
    {
        try
        {
            return Png.Read(file);
        }
        catch (FormatException e)
        {
            throw new FormatException($"[parquet] image {row} of column {name}: {e.Message}", e);
        }
    }

    private static NdArray Labels(string name, NdArray labels)
    {
        var wide = labels.AsType(DType.Int64).AsSpan<long>();
        var bad = wide.IndexOfAnyExceptInRange(int.MinValue, int.MaxValue);
        return bad < 0 ? labels.AsType(DType.Int32) : throw Malformed($"label {wide[bad]} in row {bad} of column {name} does not fit int32");
    }

    private static void CheckRows(ParquetReader reader)
    {
        var rows = reader.RowGroups.Sum(group => group.RowCount);
        if (rows is < 0 or > MaxRows) throw Malformed($"{rows:N0} rows, expected at most {MaxRows:N0}");
    }

    private static FormatException Missing(DataField field, int row) => Malformed($"row {row} of column {field.Path} has no value");

    private static FormatException Malformed(string message) => new($"[parquet] {message}");
}
