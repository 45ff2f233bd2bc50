using System.IO.Compression;

namespace ManagedFed.IO;

/// <summary>NumPy's archive of named arrays, <c>.npz</c>: a zip file with one .npy file per array.</summary>
/// <remarks>
/// <para>Read are stored and deflated members, of zip64 archives too. As in NumPy an array is a member whose name ends with <c>.npy</c>, which its key
/// does not, or whose content begins as an .npy file does; other members, folders among them, are passed over. Checksums are
/// verified, sizes are limited by <see cref="NpzLimits"/> and enforced while unpacking, and nothing is ever written under a name found in an
/// archive. The order of the arrays is kept.</para>
/// <para>Keys are 1 to 200 characters without control characters and <c>\</c>, that form no absolute path and no step <c>..</c>.</para>
/// </remarks>
public static class Npz
{
    private const int FreeBytes = 1 << 20;

    // What numpy.savez writes too: the earliest time that zip files can express.
    private static readonly DateTimeOffset Timestamp = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes an archive to a file, which holds its old content until the new one is complete on disk.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="arrays">The arrays in order, each under its name without <c>.npy</c>.</param>
    /// <param name="compressed">Deflate the entries, as <c>numpy.savez_compressed</c> does; else they are stored.</param>
    /// <exception cref="ArgumentException">
    /// A name is not allowed or occurs twice, a type is bfloat16, or there is more than <see cref="NpzLimits.Default"/> lets be read; nothing has been written.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Save(string path, IEnumerable<(string Name, NdArray Array)> arrays, bool compressed = false) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, compressed));

    /// <summary>Writes an archive to a stream; equal arrays give equal bytes.</summary>
    /// <param name="destination">The stream, which stays open.</param>
    /// <param name="arrays">The arrays in order, each under its name without <c>.npy</c>.</param>
    /// <param name="compressed">Deflate the entries; else they are stored.</param>
    /// <exception cref="ArgumentException">
    /// A name is not allowed or occurs twice, a type is bfloat16, or there is more than <see cref="NpzLimits.Default"/> lets be read; nothing has been written.
    /// </exception>
    public static void Write(Stream destination, IEnumerable<(string Name, NdArray Array)> arrays, bool compressed = false)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(arrays);
        (string Name, NdArray Array)[] entries = [.. arrays];
        Check(entries, compressed);
        using var archive = new ZipArchive(destination, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, array) in entries)
        {
            var entry = archive.CreateEntry(name + NpzName.Extension, compressed ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
            entry.LastWriteTime = Timestamp;
            using var stream = entry.Open();
            Npy.Write(array, stream);
        }
    }

    /// <summary>Refuses what <see cref="NpzLimits.Default"/> or the format would not let be read again.</summary>
    private static void Check((string Name, NdArray Array)[] entries, bool compressed)
    {
        var limits = NpzLimits.Default;
        if (entries.Length > limits.MaxEntries) Throw.Argument("npz", $"{entries.Length:N0} arrays, an archive holds at most {limits.MaxEntries:N0}");
        var (names, total) = (new HashSet<string>(StringComparer.Ordinal), 0L);
        foreach (var (name, array) in entries)
        {
            if (!NpzName.IsArrayName(name)) Throw.Argument("npz", $"name '{NpzName.Printable(name)}' is not allowed, {NpzName.Rule}");
            if (!names.Add(name)) Throw.Argument("npz", $"name '{name}' occurs twice");
            total += Npy.ByteCount(array);
        }
        if (compressed && total > limits.MaxInflatedBytes)
        {
            Throw.Argument("npz", $"the arrays have {total:N0} bytes, a compressed archive holds at most {limits.MaxInflatedBytes:N0}; write it uncompressed");
        }
    }

    /// <summary>The arrays of a file by name, in the order of the archive.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What to accept; <see cref="NpzLimits.Default"/> when null.</param>
    /// <param name="select">Which arrays to read, by name; all if null. The others are not looked at.</param>
    /// <exception cref="FormatException">The content is not such an archive, is damaged or exceeds a limit, or an array is of a kind that <see cref="Npy"/> refuses.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OrderedDictionary<string, NdArray> Load(string path, NpzLimits? limits = null, Func<string, bool>? select = null)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            return Read(file, limits, select);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    /// <summary>The arrays of an archive by name, in its order.</summary>
    /// <param name="source">A seekable stream that holds the archive from its first byte to its last.</param>
    /// <param name="limits">What to accept; <see cref="NpzLimits.Default"/> when null.</param>
    /// <param name="select">Which arrays to read, by name; all if null. The others are not looked at.</param>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="FormatException">The content is not such an archive, is damaged or exceeds a limit, or an array is of a kind that <see cref="Npy"/> refuses.</exception>
    public static OrderedDictionary<string, NdArray> Read(Stream source, NpzLimits? limits = null, Func<string, bool>? select = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= NpzLimits.Default;
        if (!source.CanSeek) Throw.Argument("npz", "the stream cannot seek; copy it to a MemoryStream or a file first");
        var entries = Arrays(source, ZipDirectory.Read(source, limits.MaxEntries), select ?? (_ => true));
        CheckSizes(entries.Values, limits, source.Length);
        var arrays = new OrderedDictionary<string, NdArray>(entries.Count, StringComparer.Ordinal);
        foreach (var (key, entry) in entries) arrays.Add(key, ReadEntry(source, entry));
        return arrays;
    }

    /// <summary>The entries that are arrays and wanted, by key.</summary>
    private static OrderedDictionary<string, ZipEntry> Arrays(Stream source, ZipEntry[] entries, Func<string, bool> select)
    {
        var arrays = new OrderedDictionary<string, ZipEntry>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            var named = entry.Name.EndsWith(NpzName.Extension, StringComparison.Ordinal);
            var key = named ? entry.Name[..^NpzName.Extension.Length] : entry.Name;
            if ((entry.Name.EndsWith('/') && entry.Length == 0) || !select(key) || !(named || IsArray(source, entry))) continue;
            var shown = NpzName.Printable(entry.Name);
            if (!NpzName.IsArrayName(key)) throw Malformed($"entry name '{shown}' is not allowed, {NpzName.Rule}");
            if (entry.Problem is { } problem) throw Malformed($"entry '{shown}' {problem}");
            if (!arrays.TryAdd(key, entry)) throw Malformed($"entry '{shown}' occurs twice");
        }
        return arrays;
    }

    /// <summary>Whether a member of another name begins as an .npy file; one that is packed in a way we do not know is none.</summary>
    /// <exception cref="FormatException">It is damaged, and so the archive: its name may once have been an array's.</exception>
    private static bool IsArray(Stream source, ZipEntry entry)
    {
        if (entry.Problem is not null || entry.Length < NpyHeader.MinPreamble) return false;
        return Guarded(entry, content =>
        {
            Span<byte> start = stackalloc byte[NpyHeader.Magic.Length];
            return content.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(NpyHeader.Magic);
        }, source);
    }

    /// <summary>
    /// Holds the sizes that the directory claims against the limits; <see cref="ReadEntry"/> then holds the data to the claims,
    /// so that no more is ever unpacked.
    /// </summary>
    private static void CheckSizes(IEnumerable<ZipEntry> entries, NpzLimits limits, long fileLength)
    {
        long total = 0, packed = 0, inflated = 0;
        foreach (var entry in entries)
        {
            if (entry.Length > limits.MaxEntryBytes) throw Malformed($"entry '{entry.Name}' has {entry.Length:N0} bytes, expected at most {limits.MaxEntryBytes:N0}");
            if (entry.Length > FreeBytes && entry.Length - FreeBytes > (double)limits.MaxRatio * entry.PackedLength)
            {
                throw Malformed($"entry '{entry.Name}' unpacks {entry.PackedLength:N0} bytes to {entry.Length:N0}, expected at most {limits.MaxRatio} times as many");
            }
            if (entry.Length > limits.MaxTotalBytes - total) throw Malformed($"the arrays have more than {limits.MaxTotalBytes:N0} bytes together");
            if (entry.Deflated && entry.Length > limits.MaxInflatedBytes - inflated) throw Malformed($"the deflated arrays have more than {limits.MaxInflatedBytes:N0} bytes together");
            // More packed bytes than the file has: entries that share them.
            if (entry.PackedLength > fileLength - packed) throw Malformed("entries overlap or lie beyond the end of the file");
            total += entry.Length;
            packed += entry.PackedLength;
            if (entry.Deflated) inflated += entry.Length;
        }
    }

    private static NdArray ReadEntry(Stream source, ZipEntry entry) => Guarded(entry, unpacked =>
    {
        var content = new ZipSection(unpacked, entry.Length, sum: true);
        var array = Npy.Read(content, entry.Deflated ? null : entry.Length);
        if (content.Count != entry.Length || unpacked.ReadByte() >= 0) throw Malformed($"not {entry.Length} bytes long, as the directory says");
        if (content.Crc != entry.Crc) throw Malformed($"its checksum is {content.Crc:x8}, not {entry.Crc:x8}: the data are damaged");
        return array;
    }, source);

    /// <summary>Reads the content of an entry; what is wrong with it is said with its name.</summary>
    private static T Guarded<T>(ZipEntry entry, Func<Stream, T> read, Stream source)
    {
        try
        {
            ZipDirectory.SeekData(source, entry);
            var packed = new ZipSection(source, entry.PackedLength);
            using Stream unpacked = entry.Deflated ? new DeflateStream(packed, CompressionMode.Decompress) : packed;
            return read(unpacked);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            throw Malformed($"entry '{NpzName.Printable(entry.Name)}': {e.Message}", e);
        }
    }

    internal static FormatException Malformed(string message, Exception? inner = null) => new($"[npz] {message}", inner);
}
