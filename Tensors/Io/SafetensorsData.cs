using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace ManagedFed.IO;

/// <summary>Turns the bytes of one tensor into an array; the format is little-endian, as are all processors of .NET.</summary>
internal static class SafetensorsData
{
    public static string NameOf(DType dtype) => dtype switch
    {
        DType.Bool => "BOOL",
        DType.UInt8 => "U8",
        DType.Int32 => "I32",
        DType.UInt32 => "U32",
        DType.Int64 => "I64",
        DType.Float32 => "F32",
        DType.Float64 => "F64",
        _ => throw DTypes.Unknown(dtype),
    };

    /// <summary>Reads the tensor that the stream is at.</summary>
    public static NdArray Read(Stream source, SafetensorsEntry entry)
    {
        if (entry.End - entry.Begin > Array.MaxLength) throw Safetensors.Malformed($"tensor '{entry.Name}' of {entry.End - entry.Begin:N0} bytes is more than one array can hold");
        switch (entry.Type)
        {
            case "BOOL": return Checked(Plain(source, entry, DType.Bool), entry);
            case "U8": return Plain(source, entry, DType.UInt8);
            case "I32": return Plain(source, entry, DType.Int32);
            case "U32": return Plain(source, entry, DType.UInt32);
            case "I64": return Plain(source, entry, DType.Int64);
            case "F32": return Plain(source, entry, DType.Float32);
            case "F64": return Plain(source, entry, DType.Float64);
            case "F16": return Widen<Half, float>(source, entry);
            case "I8": return Widen<sbyte, int>(source, entry);
            case "I16": return Widen<short, int>(source, entry);
            case "U16": return Widen<ushort, int>(source, entry);
            case "BF16": return BFloat16(source, entry);
            case "U64": return CheckedU64(Plain(source, entry, DType.Int64), entry);
            default: throw Safetensors.Malformed($"tensor '{entry.Name}' has dtype {entry.Type}, which is not supported");
        }
    }

    private static NdArray Plain(Stream source, SafetensorsEntry entry, DType dtype)
    {
        var array = NdArray.Empty(entry.Shape, dtype);
        source.ReadExactly(array.Bytes);
        return array;
    }

    private static NdArray Widen<TFrom, TTo>(Stream source, SafetensorsEntry entry)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        var raw = Raw(source, entry);
        var array = NdArray.Empty(entry.Shape, DTypes.Of<TTo>());
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, TFrom>(raw), MemoryMarshal.Cast<byte, TTo>(array.Bytes));
        return array;
    }

    // The upper half of a float32.
    private static NdArray BFloat16(Stream source, SafetensorsEntry entry)
    {
        var halves = MemoryMarshal.Cast<byte, ushort>(Raw(source, entry));
        var array = NdArray.Empty(entry.Shape, DType.Float32);
        var words = MemoryMarshal.Cast<byte, uint>(array.Bytes);
        for (var i = 0; i < words.Length; i++) words[i] = (uint)halves[i] << 16;
        return array;
    }

    private static Span<byte> Raw(Stream source, SafetensorsEntry entry)
    {
        var raw = new byte[entry.End - entry.Begin];
        source.ReadExactly(raw);
        return raw;
    }

    private static NdArray Checked(NdArray array, SafetensorsEntry entry)
    {
        var bad = array.Bytes.IndexOfAnyExceptInRange((byte)0, (byte)1);
        return bad < 0 ? array : throw Safetensors.Malformed($"tensor '{entry.Name}': element {bad} is neither 0 nor 1, as BOOL needs");
    }

    private static NdArray CheckedU64(NdArray array, SafetensorsEntry entry)
    {
        var bad = MemoryMarshal.Cast<byte, long>(array.Bytes).IndexOfAnyInRange(long.MinValue, -1);
        return bad < 0 ? array : throw Safetensors.Malformed($"tensor '{entry.Name}': element {bad} does not fit int64, which holds U64 here");
    }
}
