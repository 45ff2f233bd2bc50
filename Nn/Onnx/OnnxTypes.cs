namespace ManagedFed.Nn;

/// <summary>Element types in the format's terms.</summary>
internal static class OnnxTypes
{
    /// <summary>The number in TensorProto.DataType.</summary>
    public static int Code(this DType dtype) => dtype switch
    {
        DType.Float32 => 1,
        DType.UInt8 => 2,
        DType.Int8 => 3,
        DType.UInt16 => 4,
        DType.Int16 => 5,
        DType.Int32 => 6,
        DType.Int64 => 7,
        DType.Bool => 9,
        DType.Float16 => 10,
        DType.Float64 => 11,
        DType.UInt32 => 12,
        DType.UInt64 => 13,
        DType.BFloat16 => 16,
        _ => throw DTypes.Unknown(dtype),
    };

    /// <summary>The type to calculate in: ONNX Runtime has arithmetic for few, and these hold all values of the others but uint64.</summary>
    public static DType Arithmetic(this DType dtype) => dtype.Wide() switch
    {
        DType.Bool or DType.UInt8 => DType.Int32,
        DType.UInt32 => DType.Int64,
        var wide => wide,
    };
}
