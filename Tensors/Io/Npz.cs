using System.IO.Compression;

namespace ManagedFed.IO;

/// <summary>NumPy's archive of named arrays, <c>.npz</c>: a zip file with one .npy file per array.</summary>
/// <remarks>
/// Names are 1 to 200 of <c>A-Z a-z 0-9 _ . - /</c>, without <c>..</c> or a leading <c>/</c>. Read are stored and deflated entries;
/// sizes are limited by <see cref="NpzLimits"/> and enforced while unpacking, checksums are verified, and nothing is ever written under a
/// name found in an archive. The order of the arrays is kept.
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
    /// <exception cref="ArgumentException">A name is not allowed or occurs twice.</exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Save(string path, IEnumerable<(string Name, NdArray Array)> arrays, bool compressed = false) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, compressed));

    /// <summary>Writes an archive to a stream; equal arrays give equal bytes.</summary>
    /// <param name="destination">The stream, which stays open.</param>
    /// <param name="arrays">The arrays in order, each under its name without <c>.npy</c>.</param>
    /// <param name="compressed">Deflate the entries; else they are stored.</param>
    /// <exception cref="ArgumentException">A name is not allowed or occurs twice.</exception>
    public static void Write(Stream destination, IEnumerable<(string Name, NdArray Array)> arrays, bool compressed = false)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        using var archive = new ZipArchive(destination, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, array) in arrays)
        {
            if (!NpzName.IsArrayName(name))
            {
                Throw.Argument("npz", $"name '{name}' is not allowed, expected 1 to 200 of A-Z a-z 0-9 _ . - /, without '..' or a leading '/'");
            }
            if (!names.Add(name)) Throw.Argument("npz", $"name '{name}' occurs twice");
            var entry = archive.CreateEntry(name + NpzName.Extension, compressed ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
            entry.LastWriteTime = Timestamp;
            using var stream = entry.Open();
            Npy.Write(array, stream);
        }
    }

    /// <summary>The arrays of a file by name, in the order of the archive.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What to accept; <see cref="NpzLimits.Default"/> when null.</param>
    /// <exception cref="FormatException">The content is not such an archive, is damaged, or exceeds a limit.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OrderedDictionary<string, NdArray> Load(string path, NpzLimits? limits = null)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            return Read(file, limits);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    /// <summary>The arrays of an archive by name, in its order.</summary>
    /// <param name="source">A seekable stream that holds the archive from its first byte to its last.</param>
    /// <param name="limits">What to accept; <see cref="NpzLimits.Default"/> when null.</param>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="FormatException">The content is not such an archive, is damaged, or exceeds a limit.</exception>
    public static OrderedDictionary<string, NdArray> Read(Stream source, NpzLimits? limits = null)
    {
        limits ??= NpzLimits.Default;
        if (!source.CanSeek) Throw.Argument("npz", "the stream cannot seek; copy it to a MemoryStream or a file first");
        var entries = ZipDirectory.Read(source, limits.MaxEntries);
        CheckSizes(entries, limits, source.Length);
        var arrays = new OrderedDictionary<string, NdArray>(entries.Length, StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (!arrays.TryAdd(entry.Name[..^NpzName.Extension.Length], null!)) throw Malformed($"entry '{entry.Name}' occurs twice");
        }
        for (var i = 0; i < entries.Length; i++) arrays.SetAt(i, ReadEntry(source, entries[i]));
        return arrays;
    }

    /// <summary>
    /// Holds the sizes that the directory claims against the limits; <see cref="ReadEntry"/> then holds the data to the claims,
    /// so that no more is ever unpacked.
    /// </summary>
    private static void CheckSizes(ZipEntry[] entries, NpzLimits limits, long fileLength)
    {
        long total = 0, packed = 0;
        foreach (var entry in entries)
        {
            if (entry.Length > limits.MaxEntryBytes) throw Malformed($"entry '{entry.Name}' has {entry.Length:N0} bytes, expected at most {limits.MaxEntryBytes:N0}");
            if (entry.Length > FreeBytes && entry.Length > (double)limits.MaxRatio * entry.PackedLength)
            {
                throw Malformed($"entry '{entry.Name}' unpacks {entry.PackedLength:N0} bytes to {entry.Length:N0}, expected at most {limits.MaxRatio} times as many");
            }
            if (entry.Length > limits.MaxTotalBytes - total) throw Malformed($"the arrays have more than {limits.MaxTotalBytes:N0} bytes together");
            // More packed bytes than the file has: entries that share them.
            if (entry.PackedLength > fileLength - packed) throw Malformed("entries overlap or lie beyond the end of the file");
            total += entry.Length;
            packed += entry.PackedLength;
        }
    }

    private static NdArray ReadEntry(Stream source, in ZipEntry entry)
    {
        try
        {
            ZipDirectory.SeekData(source, entry);
            using var inflater = entry.Deflated ? new DeflateStream(new ZipSection(source, entry.PackedLength), CompressionMode.Decompress) : null;
            var content = new ZipSection(inflater ?? source, entry.Length);
            var array = Npy.Read(content, entry.Deflated ? null : entry.Length);
            if (content.Count != entry.Length || inflater?.ReadByte() >= 0) throw Malformed($"not {entry.Length} bytes long, as the directory says");
            if (content.Crc != entry.Crc) throw Malformed($"its checksum is {content.Crc:x8}, not {entry.Crc:x8}: the data are damaged");
            return array;
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            throw Malformed($"entry '{entry.Name}': {e.Message}", e);
        }
    }

    internal static FormatException Malformed(string message, Exception? inner = null) => new($"[npz] {message}", inner);
}
