using System.Buffers.Binary;
using System.Text;

namespace ManagedFed.IO;

/// <summary>The element type of a file: NumPy's kind letter, the bytes per element, and their order.</summary>
internal readonly record struct NpyType(char Kind, int Size, bool BigEndian)
{
    /// <summary>The same type in memory.</summary>
    public DType DType => (Kind, Size) switch
    {
        ('b', 1) => DType.Bool,
        ('u', 1) => DType.UInt8,
        ('u', 2) => DType.UInt16,
        ('u', 4) => DType.UInt32,
        ('u', 8) => DType.UInt64,
        ('i', 1) => DType.Int8,
        ('i', 2) => DType.Int16,
        ('i', 4) => DType.Int32,
        ('i', 8) => DType.Int64,
        ('f', 2) => DType.Float16,
        ('f', 4) => DType.Float32,
        ('f', 8) => DType.Float64,
        _ => throw Npy.Malformed($"element type {this} has no equivalent"),
    };

    /// <summary>
    /// The type that <c>numpy.dtype</c> makes of a text: an order or none (which is little-endian, as is <c>=</c> and <c>|</c>), and kind and
    /// size, a letter, or without an order a name; null for what has no equivalent. C's long is taken to have eight bytes.
    /// </summary>
    public static NpyType? Parse(string descr)
    {
        var ordered = descr is ['<' or '>' or '=' or '|', ..];
        (char Kind, int Size)? type = (ordered ? descr[1..] : descr) switch
        {
            "b1" or "?" => ('b', 1),
            "u1" or "B" => ('u', 1),
            "u2" or "H" => ('u', 2),
            "u4" or "I" => ('u', 4),
            "u8" or "L" or "Q" or "P" => ('u', 8),
            "i1" or "b" => ('i', 1),
            "i2" or "h" => ('i', 2),
            "i4" or "i" => ('i', 4),
            "i8" or "l" or "q" or "p" => ('i', 8),
            "f2" or "e" => ('f', 2),
            "f4" or "f" => ('f', 4),
            "f8" or "d" => ('f', 8),
            _ => ordered ? null : Named(descr),
        };
        return type is (var kind, var size) ? new(kind, size, BigEndian: descr[0] == '>' && size > 1) : null;
    }

    private static (char Kind, int Size)? Named(string name) => name switch
    {
        "bool" => ('b', 1),
        "uint8" => ('u', 1),
        "uint16" => ('u', 2),
        "uint32" => ('u', 4),
        "uint64" => ('u', 8),
        "int8" => ('i', 1),
        "int16" => ('i', 2),
        "int32" => ('i', 4),
        "int64" => ('i', 8),
        "float16" or "half" => ('f', 2),
        "float32" or "single" => ('f', 4),
        "float64" or "double" or "float" => ('f', 8),
        _ => null,
    };

    /// <summary>What NumPy writes for an array of this type.</summary>
    public static string Descr(DType dtype) => dtype switch
    {
        DType.Bool => "|b1",
        DType.UInt8 => "|u1",
        DType.Int8 => "|i1",
        DType.Int16 => "<i2",
        DType.UInt16 => "<u2",
        DType.Int32 => "<i4",
        DType.UInt32 => "<u4",
        DType.Int64 => "<i8",
        DType.UInt64 => "<u8",
        DType.Float16 => "<f2",
        DType.BFloat16 => Throw.Argument<string>("npy", "dtype is bfloat16, which NumPy has not; write it as safetensors, or convert with AsType"),
        DType.Float32 => "<f4",
        DType.Float64 => "<f8",
        _ => throw DTypes.Unknown(dtype),
    };

    /// <inheritdoc/>
    public override string ToString() => $"'{(Size == 1 ? '|' : BigEndian ? '>' : '<')}{Kind}{Size}'";
}

/// <summary>The facts in front of the data of an .npy file.</summary>
/// <remarks>Layout: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html</remarks>
internal readonly record struct NpyHeader(NpyType Type, bool FortranOrder, Shape Shape)
{
    /// <summary>The bytes before the header text in versions 2 and 3; version 1 has two less.</summary>
    public const int MaxPreamble = 12;

    /// <summary>The shortest file that says where its header ends.</summary>
    public const int MinPreamble = 10;

    /// <summary>NumPy's own limit on the header text.</summary>
    public const int MaxText = 10_000;

    private const int Alignment = 64;

    // NumPy leaves room for the first size to grow to 21 digits in place.
    private const int GrowthDigits = 21;

    /// <summary>How every file begins.</summary>
    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The bytes of data that belong to this header.</summary>
    public long DataLength => Shape.Count * Type.Size;

    /// <summary>Where the header text begins and how long it is.</summary>
    /// <param name="start">The first bytes of the file: at least <see cref="MaxPreamble"/>, or all it has.</param>
    public static (int Start, int Length) Preamble(ReadOnlySpan<byte> start)
    {
        if (start.Length < MinPreamble || !start.StartsWith(Magic))
        {
            throw Npy.Malformed("not an .npy stream: it does not begin with \\x93NUMPY");
        }
        var (major, minor) = (start[6], start[7]);
        if (major is < 1 or > 3 || minor != 0) throw Npy.Malformed($"version {major}.{minor} is unknown, expected 1.0, 2.0 or 3.0");
        if (major > 1 && start.Length < MaxPreamble) throw Npy.Malformed("the stream ends inside the header");
        var length = major == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (length > MaxText) throw Npy.Malformed($"header of {length} bytes, expected at most {MaxText}");
        return (major == 1 ? MinPreamble : MaxPreamble, (int)length);
    }

    /// <summary>Writes the header of format 1.0 that <c>numpy.save</c> writes for a C-order array.</summary>
    public static byte[] Format(Shape shape, DType dtype)
    {
        var text = $"{{'descr': '{NpyType.Descr(dtype)}', 'fortran_order': False, 'shape': {shape}, }}";
        var growth = shape.Rank == 0 ? 0 : GrowthDigits - shape[0].ToString().Length;
        var used = MinPreamble + text.Length + growth + 1;
        var header = new byte[used + Alignment - used % Alignment];
        header.AsSpan().Fill((byte)' ');
        Magic.CopyTo(header);
        header[6] = 1;
        header[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), checked((ushort)(header.Length - MinPreamble)));
        Encoding.ASCII.GetBytes(text, header.AsSpan(MinPreamble));
        header[^1] = (byte)'\n';
        return header;
    }
}
