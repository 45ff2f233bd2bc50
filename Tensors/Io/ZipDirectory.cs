using System.Buffers.Binary;

namespace ManagedFed.IO;

/// <summary>One entry of an archive as its directory describes it.</summary>
/// <param name="Name">Its name as text.</param>
/// <param name="RawName">Its name as it lies in the file.</param>
/// <param name="Deflated">Whether it is deflated; else it is stored.</param>
/// <param name="Crc">The checksum of its content.</param>
/// <param name="PackedLength">The bytes in the file.</param>
/// <param name="Length">The bytes of its content.</param>
/// <param name="Offset">Where its own header begins.</param>
/// <param name="Problem">Why it cannot be read; null if it can.</param>
internal readonly record struct ZipEntry(
    string Name, byte[] RawName, bool Deflated, uint Crc, long PackedLength, long Length, long Offset, string? Problem);

/// <summary>
/// Reads the directory of a zip archive. <see cref="System.IO.Compression.ZipArchive"/> reads all of a directory before it can
/// be asked for its size, hides the compression method and ignores checksums, so the reading side is here.
/// </summary>
/// <remarks>Format: PKWARE APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.14-16 and 4.5.3.</remarks>
internal static class ZipDirectory
{
    private const int EndLength = 22, LocatorLength = 20, End64Length = 56, RecordLength = 46, LocalLength = 30;
    private const int MaxComment = ushort.MaxValue;

    // A record, its name and room for the extra fields that zip writers add.
    private const int MaxRecordLength = 2048;

    /// <summary>The entries, in the order of the directory.</summary>
    /// <remarks>What is wrong with one entry alone is its <see cref="ZipEntry.Problem"/>, for it may be one that nobody wants.</remarks>
    /// <exception cref="FormatException">The archive is damaged, of an unsupported kind, or has too many entries.</exception>
    public static ZipEntry[] Read(Stream file, int maxEntries)
    {
        var (count, length, offset) = FindEnd(file);
        if (count > maxEntries) throw Npz.Malformed($"{count} entries, expected at most {maxEntries}");
        if (length < count * RecordLength) throw Npz.Malformed($"directory of {length} bytes is too short for {count} entries");
        if (length > Math.Min(count * MaxRecordLength, Array.MaxLength)) throw Npz.Malformed($"directory of {length} bytes is too long for {count} entries");
        var directory = ReadAt(file, offset, (int)length).AsSpan();
        var entries = new ZipEntry[(int)count];
        foreach (ref var entry in entries.AsSpan())
        {
            if (directory.Length < RecordLength || UInt32(directory, 0) != 0x02014b50) throw Npz.Malformed("directory is damaged");
            entry = Entry(directory, out var recordLength);
            directory = directory[recordLength..];
        }
        return directory.IsEmpty ? entries : throw Npz.Malformed("directory is longer than its entries");
    }

    /// <summary>Moves the file to the packed bytes of an entry.</summary>
    /// <exception cref="FormatException">The entry's own header contradicts the directory, or its data lie outside the file.</exception>
    public static void SeekData(Stream file, in ZipEntry entry)
    {
        var header = ReadAt(file, entry.Offset, LocalLength).AsSpan();
        if (UInt32(header, 0) != 0x04034b50) throw Npz.Malformed($"no entry where the directory says '{NpzName.Printable(entry.Name)}' is");
        int nameLength = UInt16(header, 26), extraLength = UInt16(header, 28);
        var name = ReadAt(file, entry.Offset + LocalLength, nameLength);
        if (!name.AsSpan().SequenceEqual(entry.RawName)) throw Npz.Malformed($"entry '{NpzName.Printable(entry.Name)}' has another name in the directory");
        var start = entry.Offset + LocalLength + nameLength + extraLength;
        if (entry.PackedLength > file.Length - start) throw Npz.Malformed($"entry '{NpzName.Printable(entry.Name)}' goes on beyond the end of the file");
        file.Position = start;
    }

    private static (long Count, long Length, long Offset) FindEnd(Stream file)
    {
        var tailLength = (int)Math.Min(file.Length, EndLength + MaxComment);
        var tailStart = file.Length - tailLength;
        var tail = ReadAt(file, tailStart, tailLength).AsSpan();
        for (var i = tailLength - EndLength; i >= 0; i--)
        {
            var end = tail[i..];
            if (UInt32(end, 0) != 0x06054b50 || UInt16(end, 20) != end.Length - EndLength) continue;
            (long disks, long count, long length, long offset) = (UInt32(end, 4), UInt16(end, 10), UInt32(end, 12), UInt32(end, 16));
            var position = tailStart + i;
            if (count == ushort.MaxValue || length == uint.MaxValue || offset == uint.MaxValue)
            {
                var locator = ReadAt(file, position - LocatorLength, LocatorLength);
                if (UInt32(locator, 0) != 0x07064b50) throw Npz.Malformed("the end of the archive is damaged");
                position = Int64(locator, 8);
                var end64 = ReadAt(file, position, End64Length);
                if (UInt32(end64, 0) != 0x06064b50) throw Npz.Malformed("the end of the archive is damaged");
                (disks, count, length, offset) = (Int64(end64, 16), Int64(end64, 32), Int64(end64, 40), Int64(end64, 48));
            }
            if (disks != 0) throw Npz.Malformed("archives in several parts are not supported");
            if (count < 0 || length < 0 || offset < 0 || offset > position - length) throw Npz.Malformed("the directory lies outside the archive");
            return (count, length, offset);
        }
        throw Npz.Malformed("not a zip archive");
    }

    private static ZipEntry Entry(ReadOnlySpan<byte> record, out int length)
    {
        int flags = UInt16(record, 8), method = UInt16(record, 10);
        int nameLength = UInt16(record, 28), extraLength = UInt16(record, 30), commentLength = UInt16(record, 32);
        length = RecordLength + nameLength + extraLength + commentLength;
        if (length > record.Length) throw Npz.Malformed("directory is damaged");
        var rawName = record.Slice(RecordLength, nameLength).ToArray();
        long packed = UInt32(record, 20), unpacked = UInt32(record, 24), offset = UInt32(record, 42);
        var wide = Zip64Field(record.Slice(RecordLength + nameLength, extraLength));
        var sized = Widen(ref unpacked, ref wide) & Widen(ref packed, ref wide) & Widen(ref offset, ref wide);
        // Bits 0, 6 and 13: encrypted data, strong encryption, encrypted directory.
        var problem = (flags & 0x2041) != 0 ? "is encrypted"
            : method is not (0 or 8) ? $"uses compression method {method}, expected 0 (stored) or 8 (deflate)"
            : !sized ? "lacks its zip64 sizes"
            : method == 0 && packed != unpacked ? $"is stored, but its sizes {packed} and {unpacked} differ" : null;
        return new(ZipName.Decode(rawName, flags), rawName, method == 8, UInt32(record, 16), packed, unpacked, offset, problem);
    }

    /// <summary>A field that says "too large for 32 bits" continues in the extra field of zip64.</summary>
    /// <returns>False where it does not.</returns>
    private static bool Widen(ref long value, ref ReadOnlySpan<byte> wide)
    {
        if (value != uint.MaxValue) return true;
        if (wide.Length < 8 || Int64(wide, 0) < 0) return false;
        value = Int64(wide, 0);
        wide = wide[8..];
        return true;
    }

    private static ReadOnlySpan<byte> Zip64Field(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int id = UInt16(extra, 0), length = UInt16(extra, 2);
            if (length > extra.Length - 4) break;
            if (id == 1) return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return default;
    }

    private static byte[] ReadAt(Stream file, long offset, int length)
    {
        if (offset < 0 || offset > file.Length - length) throw Npz.Malformed("the archive is cut short or damaged");
        file.Position = offset;
        var bytes = new byte[length];
        return file.ReadAtLeast(bytes, length, throwOnEndOfStream: false) == length ? bytes : throw Npz.Malformed("the archive is cut short");
    }

    private static int UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
