using System.Buffers.Binary;
using System.IO.Compression;
using ManagedFed.IO;

namespace ManagedFed.Nn.Data;

/// <summary>The file format of the MNIST data: big-endian numbers behind a header, packed by gzip or not.</summary>
/// <remarks>
/// Header: two zeros, the type (8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64), the number of axes, and each size as int32.
/// Memory grows with what a packed file really holds.
/// Source: http://yann.lecun.com/exdb/mnist/ (section "File formats").
/// </remarks>
public static class Idx
{
    // Deflate cannot pack more than 1032 bytes into one.
    private const long MaxRatio = 1032;

    /// <summary>The array in an IDX file, of the file's type; gzip is recognised by its first bytes.</summary>
    /// <exception cref="FormatException">The content is not an IDX file, or has another length than its header says.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NdArray Load(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        try
        {
            return Read(file);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    /// <summary>The array in a stream that holds one IDX file from its position to its end; gzip is recognised.</summary>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="FormatException">The content is not an IDX file, or has another length than its header says.</exception>
    public static NdArray Read(Stream source)
    {
        if (!source.CanSeek) throw new ArgumentException("[idx] the stream cannot seek; copy it to a MemoryStream or a file first");
        var start = source.Position;
        var available = source.Length - start;
        var packed = source.ReadByte() == 0x1F && source.ReadByte() == 0x8B;
        source.Position = start;
        if (!packed) return ReadPlain(source, available);
        try
        {
            using var unpacked = new GZipStream(new GzipInput(source), CompressionMode.Decompress);
            return ReadPlain(unpacked, available * MaxRatio);
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"[idx] the gzip data are damaged: {e.Message}", e);
        }
    }

    private static NdArray ReadPlain(Stream source, long atMost)
    {
        Span<byte> word = stackalloc byte[4];
        if (source.ReadAtLeast(word, 4, throwOnEndOfStream: false) < 4 || word[0] != 0 || word[1] != 0)
        {
            throw new FormatException("[idx] not an IDX file: it does not begin with two zeros, a type and a number of axes");
        }
        var type = word[2] switch
        {
            0x08 => new NpyType('u', 1, BigEndian: false),
            0x09 => new NpyType('i', 1, BigEndian: false),
            0x0B => new NpyType('i', 2, BigEndian: true),
            0x0C => new NpyType('i', 4, BigEndian: true),
            0x0D => new NpyType('f', 4, BigEndian: true),
            0x0E => new NpyType('f', 8, BigEndian: true),
            _ => throw new FormatException($"[idx] elements are of type 0x{word[2]:X2}, expected 0x08, 0x09 or 0x0B to 0x0E"),
        };
        if (word[3] is 0 or > Shape.MaxRank) throw new FormatException($"[idx] {word[3]} axes, expected 1 to {Shape.MaxRank}");

        var sizes = new int[word[3]];
        var count = 1L;
        foreach (ref var size in sizes.AsSpan())
        {
            if (source.ReadAtLeast(word, 4, throwOnEndOfStream: false) < 4) throw new FormatException("[idx] the file ends inside its header");
            size = BinaryPrimitives.ReadInt32BigEndian(word);
            if (size < 1) throw new FormatException($"[idx] size {size} of an axis, expected at least 1");
            // So that eight bytes each cannot overflow.
            if (size > (1L << 59) / count) throw new FormatException("[idx] more than 2^59 elements");
            count *= size;
        }
        var header = new NpyHeader(type, FortranOrder: false, Shape.Create(sizes));
        var length = header.DataLength;
        if (length > atMost) throw new FormatException($"[idx] shape {header.Shape} needs {length} bytes, more than the file can hold");
        var (raw, read) = ArrayPieces.ReadClaimed(source, length);
        if (read < length) throw new FormatException($"[idx] shape {header.Shape} needs {length} bytes, the file has {read}");
        if (source.ReadByte() >= 0) throw new FormatException($"[idx] the file goes on after the {length} bytes of shape {header.Shape}");
        return NpyData.Decode(header, raw);
    }
}
