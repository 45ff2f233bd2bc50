using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace ManagedFed.IO;

/// <summary>The content of a .safetensors file.</summary>
/// <param name="Arrays">The arrays by name, in the order of their bytes.</param>
/// <param name="Metadata">Texts by name; empty when the file has none.</param>
public sealed record SafetensorsFile(OrderedDictionary<string, NdArray> Arrays, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>A line for each array, with its name, shape and type.</summary>
    public override string ToString() =>
        $"SafetensorsFile: {Arrays.Count} arrays, {Metadata.Count} metadata" + string.Concat(Arrays.Select(entry => $"\n    {entry.Key} {entry.Value.Shape} {entry.Value.DType.Name()}"));
}

/// <summary>Named arrays as Hugging Face's safetensors lay them out: a JSON header and the bytes of all arrays behind it.</summary>
/// <remarks>
/// Everything a file claims is checked before memory is taken for it. Arrays keep their types; types below eight bits, eight-bit floats
/// and complex numbers are refused by name. Written files carry checksums in their metadata entry <c>managedfed.crc32</c>, so that a damaged
/// tensor is refused by name; the entry is not among the metadata given back, and files without it are read as well.
/// Format: https://huggingface.co/docs/safetensors.
/// </remarks>
public static class Safetensors
{
    private const int LengthBytes = 8;

    /// <summary>Writes arrays to a file, which holds its old content until the new one is complete on disk.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="arrays">The arrays by name.</param>
    /// <param name="metadata">Texts to keep with them, or null.</param>
    /// <exception cref="ArgumentException">
    /// A name occurs twice, is reserved or no text, or the names, shapes and metadata take more than the format's 100 MB; nothing has been written.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Save(string path, IEnumerable<(string Name, NdArray Array)> arrays, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, metadata));

    /// <summary>Writes arrays to a stream, those of large elements first so that each is aligned; equal arrays give equal bytes.</summary>
    /// <param name="destination">The stream, which stays open.</param>
    /// <param name="arrays">The arrays by name.</param>
    /// <param name="metadata">Texts to keep with them, or null.</param>
    /// <exception cref="ArgumentException">
    /// A name occurs twice, is reserved or no text, or the names, shapes and metadata take more than the format's 100 MB; nothing has been written.
    /// </exception>
    public static void Write(Stream destination, IEnumerable<(string Name, NdArray Array)> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(arrays);
        (string Name, NdArray Array)[] ordered = [.. arrays.OrderByDescending(entry => entry.Array.DType.Size())];
        var header = Header(ordered, metadata ?? new Dictionary<string, string>());
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        destination.Write(length);
        destination.Write(header);
        foreach (var (_, array) in ordered) ArrayPieces.Read(array, destination.Write);
    }

    /// <summary>The arrays and metadata of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="select">Which arrays to read, by name; all if null. The others' bytes are passed over.</param>
    /// <param name="limits">What to accept; <see cref="SafetensorsLimits.Default"/> when null.</param>
    /// <exception cref="FormatException">The content is not such a file, is damaged, exceeds a limit, or holds a type that is not supported.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafetensorsFile Load(string path, Func<string, bool>? select = null, SafetensorsLimits? limits = null) =>
        Open(path, file => Read(file, select, limits));

    /// <summary>Some rows of one array of a file, entries start … start+count−1 of its first axis; no other array and no other row is read, and no checksum verified.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The array's name.</param>
    /// <param name="start">The first row.</param>
    /// <param name="count">The number of rows.</param>
    /// <param name="limits">What to accept; <see cref="SafetensorsLimits.Default"/> when null.</param>
    /// <returns>Shape (count, …), even of an array that is too large to be read whole.</returns>
    /// <exception cref="KeyNotFoundException">There is no array of that name; the message lists those there are.</exception>
    /// <exception cref="ArgumentException">The array is a scalar.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all there.</exception>
    /// <exception cref="FormatException">As for <see cref="Load"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NdArray LoadRows(string path, string name, int start, int count, SafetensorsLimits? limits = null) =>
        Open(path, file => ReadRows(file, name, start, count, limits));

    /// <summary>The arrays and metadata of a stream.</summary>
    /// <param name="source">A seekable stream that holds the file from its first byte to its last.</param>
    /// <param name="select">Which arrays to read, by name; all if null.</param>
    /// <param name="limits">What to accept; <see cref="SafetensorsLimits.Default"/> when null.</param>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="FormatException">The content is not such a file, is damaged, exceeds a limit, or holds a type that is not supported.</exception>
    public static SafetensorsFile Read(Stream source, Func<string, bool>? select = null, SafetensorsLimits? limits = null)
    {
        limits ??= SafetensorsLimits.Default;
        var (header, start) = Header(source, limits);
        var sums = SafetensorsChecksum.Read(header, limits);
        var arrays = new OrderedDictionary<string, NdArray>(header.Entries.Count, StringComparer.Ordinal);
        foreach (var entry in header.Entries)
        {
            if (select is not null && !select(entry.Name)) continue;
            source.Position = start + entry.Begin;
            arrays.Add(entry.Name, SafetensorsData.Read(source, entry, sums?[entry.Name]));
        }
        return new(arrays, header.Metadata);
    }

    /// <summary>Some rows of one array of a stream; see <see cref="LoadRows"/>.</summary>
    /// <param name="source">A seekable stream that holds the file from its first byte to its last.</param>
    /// <param name="name">The array's name in the file.</param>
    /// <param name="start">The first row.</param>
    /// <param name="count">The number of rows.</param>
    /// <param name="limits">What to accept; <see cref="SafetensorsLimits.Default"/> when null.</param>
    /// <inheritdoc cref="LoadRows"/>
    public static NdArray ReadRows(Stream source, string name, int start, int count, SafetensorsLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        var (header, data) = Header(source, limits ?? SafetensorsLimits.Default);
        var entry = header.Entries.FirstOrDefault(entry => entry.Name == name)
            ?? throw new KeyNotFoundException($"[safetensors] there is no tensor {name}, only {string.Join(", ", header.Entries.Select(entry => entry.Name))}");
        if (entry.Shape.Rank == 0) Throw.Argument("safetensors", $"tensor '{name}' is a scalar, which has no rows");
        var rows = entry.Shape[0];
        if (start < 0 || count < 0 || start > rows - count)
        {
            throw new ArgumentOutOfRangeException(nameof(start), start, $"[safetensors] rows {start} to {(long)start + count - 1} of tensor '{name}' of shape {entry.Shape}");
        }
        var row = rows == 0 ? 0 : (entry.End - entry.Begin) / rows;
        var slice = entry with { Shape = entry.Shape.With(0, count), Begin = entry.Begin + start * row, End = entry.Begin + (start + (long)count) * row };
        source.Position = data + slice.Begin;
        return SafetensorsData.Read(source, slice, null);
    }

    private static T Open<T>(string path, Func<Stream, T> read)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            return read(file);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    /// <summary>The header of a stream, and where the data behind it begin.</summary>
    private static (SafetensorsHeader Header, long Start) Header(Stream source, SafetensorsLimits limits)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!source.CanSeek) Throw.Argument("safetensors", "the stream cannot seek; copy it to a MemoryStream or a file first");
        if (source.Length < LengthBytes) throw Malformed($"{source.Length} bytes are no safetensors file");
        Span<byte> length = stackalloc byte[LengthBytes];
        source.Position = 0;
        source.ReadExactly(length);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (size > (ulong)limits.MaxHeaderBytes) throw Malformed($"a header of {size:N0} bytes, expected at most {limits.MaxHeaderBytes:N0}");
        if ((long)size > source.Length - LengthBytes) throw Malformed($"a header of {size:N0} bytes in a file of {source.Length:N0}");
        var json = new byte[size];
        source.ReadExactly(json);
        var start = LengthBytes + (long)size;
        return (SafetensorsHeader.Parse(json, source.Length - start, limits), start);
    }

    internal static FormatException Malformed(string message, Exception? inner = null) => new($"[safetensors] {message}", inner);

    private static byte[] Header((string Name, NdArray Array)[] arrays, IReadOnlyDictionary<string, string> metadata)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataName };
        foreach (var (name, _) in arrays)
        {
            if (!NpzName.IsText(name)) Throw.Argument("safetensors", $"name '{NpzName.Printable(name)}' holds half a surrogate pair, which is no text");
            if (!names.Add(name)) Throw.Argument("safetensors", $"name '{name}' occurs twice or is reserved");
        }
        foreach (var (key, value) in metadata)
        {
            if (key == SafetensorsChecksum.Key) Throw.Argument("safetensors", $"metadata name '{key}' is reserved for the checksums");
            if (!NpzName.IsText(key) || !NpzName.IsText(value)) Throw.Argument("safetensors", $"metadata '{NpzName.Printable(key)}' hold half a surrogate pair, which is no text");
        }
        var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafetensorsHeader.MetadataName);
            foreach (var (key, value) in metadata) json.WriteString(key, value);
            json.WriteString(SafetensorsChecksum.Key, SafetensorsChecksum.Format([SafetensorsChecksum.Of(metadata), .. arrays.Select(entry => SafetensorsChecksum.Of(entry.Name, entry.Array))]));
            json.WriteEndObject();
            var at = 0L;
            foreach (var (name, array) in arrays)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsData.NameOf(array.DType));
                json.WriteStartArray("shape");
                foreach (var size in array.Shape.Sizes) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += array.ByteCount);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        // As the reference writes it: spaces up to a multiple of eight.
        while (stream.Length % LengthBytes != 0) stream.WriteByte((byte)' ');
        var most = SafetensorsLimits.Default.MaxHeaderBytes;
        if (stream.Length > most) Throw.Argument("safetensors", $"the header of {arrays.Length:N0} tensors has {stream.Length:N0} bytes, the format allows {most:N0}; use shorter names or several files");
        return stream.ToArray();
    }
}
