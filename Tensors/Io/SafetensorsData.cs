namespace ManagedFed.IO;

/// <summary>Turns the bytes of one tensor into an array; the format is little-endian, as are all processors of .NET.</summary>
internal static class SafetensorsData
{
    public static string NameOf(DType dtype) => dtype switch
    {
        DType.Bool => "BOOL",
        DType.UInt8 => "U8",
        DType.Int8 => "I8",
        DType.Int16 => "I16",
        DType.UInt16 => "U16",
        DType.Int32 => "I32",
        DType.UInt32 => "U32",
        DType.Int64 => "I64",
        DType.UInt64 => "U64",
        DType.Float16 => "F16",
        DType.BFloat16 => "BF16",
        DType.Float32 => "F32",
        DType.Float64 => "F64",
        _ => throw DTypes.Unknown(dtype),
    };

    /// <summary>Reads the tensor that the stream is at.</summary>
    public static NdArray Read(Stream source, SafetensorsEntry entry)
    {
        if (entry.End - entry.Begin > Array.MaxLength) throw Safetensors.Malformed($"tensor '{entry.Name}' of {entry.End - entry.Begin:N0} bytes is more than one array can hold");
        var array = NdArray.Empty(entry.Shape, TypeOf(entry));
        source.ReadExactly(array.Bytes);
        return array.DType == DType.Bool ? Checked(array, entry) : array;
    }

    private static DType TypeOf(SafetensorsEntry entry)
    {
        foreach (var dtype in Enum.GetValues<DType>())
        {
            if (NameOf(dtype) == entry.Type) return dtype;
        }
        throw Safetensors.Malformed($"tensor '{entry.Name}' has dtype {entry.Type}, which is not supported");
    }

    private static NdArray Checked(NdArray array, SafetensorsEntry entry)
    {
        var bad = array.Bytes.IndexOfAnyExceptInRange((byte)0, (byte)1);
        return bad < 0 ? array : throw Safetensors.Malformed($"tensor '{entry.Name}': element {bad} is neither 0 nor 1, as BOOL needs");
    }
}
