using System.Buffers;

namespace ManagedFed.IO;

/// <summary>NumPy's file format for one array, <c>.npy</c>.</summary>
/// <remarks>
/// <para>Written files are byte for byte those of <c>numpy.save</c>: format 1.0, little-endian, C order, the array's own type.</para>
/// <para>Read are the formats 1.0, 2.0 and 3.0, either byte order, C and Fortran order, and headers as any writer spaces them and names the
/// types that NumPy knows by those names; the result is always row-major, of the file's type. Objects, structures, text, dates and
/// complex numbers are refused, and so is a file with one byte too few or too many; bfloat16, which NumPy has not, is not written.
/// Nothing is allocated before the header has been checked against the length of the data, and where that is unknown memory grows with
/// what arrives.</para>
/// <para>Streams and files hold arrays of any size; one that is not row-major is copied a piece at a time.</para>
/// <para>Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html</para>
/// </remarks>
public static class Npy
{
    /// <summary>The exact number of bytes that <see cref="Write(NdArray, Span{byte})"/> writes for an array: header and data.</summary>
    public static long ByteCount(NdArray array) => NpyHeader.Format(array.Shape, array.DType).Length + array.ByteCount;

    /// <summary>Writes an array as an .npy file into memory.</summary>
    /// <param name="array">The array; one that is not contiguous is copied first.</param>
    /// <param name="destination">At least <see cref="ByteCount"/> bytes.</param>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public static int Write(NdArray array, Span<byte> destination)
    {
        var header = NpyHeader.Format(array.Shape, array.DType);
        var length = header.Length + array.ByteCount;
        if (destination.Length < length) Throw.Argument("npy", $"destination holds {destination.Length} bytes, array of shape {array.Shape} needs {length}");
        header.CopyTo(destination);
        var source = array.Contiguous();
        source.Bytes.CopyTo(destination[header.Length..]);
        GC.KeepAlive(source);
        return (int)length;
    }

    /// <summary>An array as the bytes of an .npy file.</summary>
    /// <exception cref="ArgumentException">The file would be longer than an array of bytes can be.</exception>
    public static byte[] Write(NdArray array)
    {
        var length = ByteCount(array);
        if (length > Array.MaxLength) Throw.Argument("npy", $"array of shape {array.Shape} {array.DType.Name()} makes a file of {length:N0} bytes, an array of bytes holds at most {Array.MaxLength:N0}; write it to a stream or a file");
        var file = new byte[length];
        Write(array, file);
        return file;
    }

    /// <summary>Appends an array as an .npy file to a buffer.</summary>
    public static void Write(NdArray array, IBufferWriter<byte> destination)
    {
        destination.Write(NpyHeader.Format(array.Shape, array.DType));
        ArrayPieces.Read(array, destination.Write);
    }

    /// <summary>Writes an array as an .npy file to a stream, from its position on.</summary>
    public static void Write(NdArray array, Stream destination)
    {
        destination.Write(NpyHeader.Format(array.Shape, array.DType));
        ArrayPieces.Read(array, destination.Write);
    }

    /// <summary>Writes an array to a file, which holds its old content until the new one is complete on disk.</summary>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Save(string path, NdArray array) => AtomicFile.Write(path, stream => Write(array, stream));

    /// <summary>The array in the bytes of an .npy file.</summary>
    /// <param name="file">The whole file and nothing else.</param>
    /// <exception cref="FormatException">The bytes are not an .npy file, or one of a kind that is not supported.</exception>
    public static NdArray Read(ReadOnlySpan<byte> file)
    {
        var (header, start) = ReadHeader(file);
        ExpectData(header, file.Length - start);
        var raw = NpyData.Allocate(header.DataLength);
        file[start..].CopyTo(raw.Bytes);
        return NpyData.Decode(header, raw);
    }

    /// <summary>The array in the bytes of an .npy file that nobody writes to any more; large data that can be used as they lie are not copied.</summary>
    /// <param name="file">The whole file and nothing else; the array keeps it alive.</param>
    /// <exception cref="FormatException">The bytes are not an .npy file, or one of a kind that is not supported.</exception>
    internal static NdArray View(ReadOnlyMemory<byte> file)
    {
        var (header, start) = ReadHeader(file.Span);
        ExpectData(header, file.Length - start);
        return NpyData.TryView(header, file[start..]) is { } raw ? NpyData.Decode(header, raw) : Read(file.Span);
    }

    /// <summary>The array in the bytes of an .npy file that may lie in pieces.</summary>
    /// <param name="file">The whole file and nothing else.</param>
    /// <exception cref="FormatException">The bytes are not an .npy file, or one of a kind that is not supported.</exception>
    public static NdArray Read(in ReadOnlySequence<byte> file)
    {
        if (file.IsSingleSegment) return Read(file.FirstSpan);
        var (header, start) = TryReadHeader(file, file.Length)!.Value;
        var raw = NpyData.Allocate(header.DataLength);
        file.Slice(start).CopyTo(raw.Bytes);
        return NpyData.Decode(header, raw);
    }

    /// <summary>Reads the header of a file that is still arriving; null when more of it must come first.</summary>
    /// <param name="start">What has arrived, from the beginning.</param>
    /// <param name="length">The length of the whole file.</param>
    /// <returns>The header, and where the data begin.</returns>
    /// <exception cref="FormatException">The bytes do not begin an .npy file of that length, or one of a kind that is not supported.</exception>
    internal static (NpyHeader Header, int Start)? TryReadHeader(in ReadOnlySequence<byte> start, long length)
    {
        if (start.Length < Math.Min(length, NpyHeader.MaxPreamble)) return null;
        var (text, textLength) = NpyHeader.Preamble(start.Slice(0, Math.Min(start.Length, NpyHeader.MaxPreamble)).ToArray());
        ExpectHeader(textLength, length - text);
        if (start.Length < text + textLength) return null;
        var header = NpyHeaderParser.Parse(start.Slice(text, textLength).ToArray());
        ExpectData(header, length - text - textLength);
        return (header, text + textLength);
    }

    /// <summary>Reads the header of a file that begins in these bytes and whose length will be known later.</summary>
    /// <returns>The header, and where the data begin.</returns>
    /// <exception cref="FormatException">The bytes do not hold the whole header of an .npy file, or one of a kind that is not supported.</exception>
    internal static (NpyHeader Header, int Start) ReadHeader(ReadOnlySpan<byte> start)
    {
        var (text, length) = NpyHeader.Preamble(start[..Math.Min(start.Length, NpyHeader.MaxPreamble)]);
        ExpectHeader(length, start.Length - text);
        return (NpyHeaderParser.Parse(start.Slice(text, length)), text + length);
    }

    /// <summary>The array in a stream that holds, from its position to its end, one .npy file.</summary>
    /// <exception cref="FormatException">The bytes are not an .npy file, or one of a kind that is not supported.</exception>
    public static NdArray Read(Stream source) => Read(source, source.CanSeek ? source.Length - source.Position : null);

    /// <summary>The array in a file.</summary>
    /// <exception cref="FormatException">The content is not an .npy file, or one of a kind that is not supported.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NdArray Load(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 4096, FileOptions.SequentialScan);
        try
        {
            return Read(file);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    /// <summary>Reads from a stream that certainly has so many bytes left, or an unknown number (null).</summary>
    internal static NdArray Read(Stream source, long? available)
    {
        Span<byte> preamble = stackalloc byte[NpyHeader.MaxPreamble];
        var got = source.ReadAtLeast(preamble[..NpyHeader.MinPreamble], NpyHeader.MinPreamble, throwOnEndOfStream: false);
        if (got == NpyHeader.MinPreamble && preamble[6] is 2 or 3)
        {
            got += source.ReadAtLeast(preamble[got..], preamble.Length - got, throwOnEndOfStream: false);
        }
        var (start, length) = NpyHeader.Preamble(preamble[..got]);
        ExpectHeader(length, available - start ?? length);
        var text = new byte[length];
        ExpectHeader(length, source.ReadAtLeast(text, length, throwOnEndOfStream: false));
        var header = NpyHeaderParser.Parse(text);
        ExpectData(header, available - start - length ?? header.DataLength);
        var raw = ReadData(source, header, available is not null);
        if (source.ReadByte() >= 0) throw Malformed($"the stream goes on after the {header.DataLength:N0} bytes of data");
        return NpyData.Decode(header, raw);
    }

    /// <summary>Reads the data; where its presence is only claimed, memory grows with what has really arrived.</summary>
    private static NdArray ReadData(Stream source, in NpyHeader header, bool certain)
    {
        var (raw, filled) = certain ? Whole(source, header.DataLength) : ArrayPieces.ReadClaimed(source, header.DataLength);
        ExpectData(header, filled);
        return raw;

        static (NdArray, long) Whole(Stream source, long length)
        {
            var raw = ArrayPieces.Allocate(length);
            return (raw, ArrayPieces.Fill(raw, 0, length, source));
        }
    }

    private static void ExpectHeader(int length, long available)
    {
        if (available < length) throw Malformed($"header of {length} bytes, but only {available} are left");
    }

    private static void ExpectData(in NpyHeader header, long available)
    {
        if (available == header.DataLength) return;
        throw Malformed($"data is {available} bytes, shape {header.Shape} of {header.Type} needs exactly {header.DataLength}");
    }

    internal static FormatException Malformed(string message) => new($"[npy] {message}");
}
