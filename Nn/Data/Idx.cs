using System.Buffers.Binary;
using System.IO.Compression;

namespace ManagedFed.Nn.Data;

/// <summary>The file format of the MNIST data: bytes with a big-endian header, packed by gzip or not.</summary>
/// <remarks>
/// Header: two zeros, the type (8 = unsigned byte, the only one read), the number of axes, and each size as int32.
/// Source: http://yann.lecun.com/exdb/mnist/ (section "File formats").
/// </remarks>
public static class Idx
{
    /// <summary>The most data of one file, 1 GiB.</summary>
    private const long MaxBytes = 1 << 30;

    // Deflate cannot pack more than 1032 bytes into one.
    private const long MaxRatio = 1032;

    /// <summary>The uint8 array in an IDX file; gzip is recognised by its first bytes.</summary>
    /// <exception cref="FormatException">The content is not an IDX file of unsigned bytes, or has another length than its header says.</exception>
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

    /// <summary>The uint8 array in a stream that holds one IDX file from its position to its end; gzip is recognised.</summary>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="FormatException">The content is not an IDX file of unsigned bytes, or has another length than its header says.</exception>
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
            using var unpacked = new GZipStream(source, CompressionMode.Decompress, leaveOpen: true);
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
        if (word[2] != 8) throw new FormatException($"[idx] elements are of type 0x{word[2]:X2}, expected 0x08 (unsigned bytes)");
        if (word[3] is 0 or > 4) throw new FormatException($"[idx] {word[3]} axes, expected 1 to 4");

        var sizes = new int[word[3]];
        var length = 1L;
        foreach (ref var size in sizes.AsSpan())
        {
            if (source.ReadAtLeast(word, 4, throwOnEndOfStream: false) < 4) throw new FormatException("[idx] the file ends inside its header");
            size = BinaryPrimitives.ReadInt32BigEndian(word);
            if (size < 1) throw new FormatException($"[idx] size {size} of an axis, expected at least 1");
            if (size > MaxBytes / length) throw new FormatException($"[idx] more than {MaxBytes:N0} bytes of data");
            length *= size;
        }
        var shape = Shape.Create(sizes);
        if (length > atMost) throw new FormatException($"[idx] shape {shape} needs {length} bytes, more than the file can hold");
        var array = NdArray.Zeros(shape, DType.UInt8);
        var read = source.ReadAtLeast(array.AsSpan<byte>(), (int)length, throwOnEndOfStream: false);
        if (read < length) throw new FormatException($"[idx] shape {shape} needs {length} bytes, the file has {read}");
        if (source.ReadByte() >= 0) throw new FormatException($"[idx] the file goes on after the {length} bytes of shape {shape}");
        return array;
    }
}
