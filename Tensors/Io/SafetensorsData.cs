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
    /// <param name="source">The stream.</param>
    /// <param name="entry">The tensor, or some of its rows.</param>
    /// <param name="checksum">What its checksum must be; null if it has none.</param>
    public static NdArray Read(Stream source, SafetensorsEntry entry, uint? checksum)
    {
        var array = NdArray.Empty(entry.Shape, TypeOf(entry));
        var (length, crc) = (entry.End - entry.Begin, checksum is null ? 0 : SafetensorsChecksum.Start(entry.Name, entry.Type, entry.Shape));
        var filled = ArrayPieces.Fill(array, 0, length, source, checksum is null ? null : bytes => crc = Crc32.Append(crc, bytes));
        if (filled < length) throw Safetensors.Malformed($"tensor '{entry.Name}' ends after {filled:N0} of {length:N0} bytes");
        if (checksum is { } expected && crc != expected) throw SafetensorsChecksum.Damaged($"tensor '{entry.Name}' has checksum {crc:x8}, not {expected:x8}");
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
        for (var at = 0L; at < array.ByteCount; at += ArrayPieces.Size)
        {
            var bad = ArrayPieces.Span(array, at, (int)Math.Min(ArrayPieces.Size, array.ByteCount - at)).IndexOfAnyExceptInRange((byte)0, (byte)1);
            if (bad >= 0) throw Safetensors.Malformed($"tensor '{entry.Name}': element {at + bad} is neither 0 nor 1, as BOOL needs");
        }
        return array;
    }
}
