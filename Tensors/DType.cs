using System.Diagnostics.CodeAnalysis;

namespace ManagedFed;

/// <summary>The type of an array's elements.</summary>
public enum DType
{
    /// <summary>A truth value, one byte: 0 or 1.</summary>
    Bool,

    /// <summary>An unsigned 8-bit integer.</summary>
    UInt8,

    /// <summary>A signed 32-bit integer.</summary>
    Int32,

    /// <summary>An unsigned 32-bit integer.</summary>
    UInt32,

    /// <summary>A signed 64-bit integer.</summary>
    Int64,

    /// <summary>An IEEE 754 binary32 number.</summary>
    Float32,

    /// <summary>An IEEE 754 binary64 number.</summary>
    Float64,
}

/// <summary>Facts about <see cref="DType"/> values.</summary>
public static class DTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.Bool or DType.UInt8 => 1,
        DType.Int32 or DType.UInt32 or DType.Float32 => 4,
        DType.Int64 or DType.Float64 => 8,
        _ => throw Unknown(dtype),
    };

    /// <summary>True for <see cref="DType.Float32"/> and <see cref="DType.Float64"/>.</summary>
    public static bool IsFloating(this DType dtype) => dtype is DType.Float32 or DType.Float64;

    /// <summary>NumPy's name of the type, as users write it: <c>float32</c>.</summary>
    public static string Name(this DType dtype) => dtype switch
    {
        DType.Bool => "bool",
        DType.UInt8 => "uint8",
        DType.Int32 => "int32",
        DType.UInt32 => "uint32",
        DType.Int64 => "int64",
        DType.Float32 => "float32",
        DType.Float64 => "float64",
        _ => throw Unknown(dtype),
    };

    /// <summary>The element type that stores <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is none of the supported element types.</exception>
    public static DType Of<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return DType.Float32;
        if (typeof(T) == typeof(double)) return DType.Float64;
        if (typeof(T) == typeof(int)) return DType.Int32;
        if (typeof(T) == typeof(uint)) return DType.UInt32;
        if (typeof(T) == typeof(long)) return DType.Int64;
        if (typeof(T) == typeof(byte)) return DType.UInt8;
        if (typeof(T) == typeof(bool)) return DType.Bool;
        throw new ArgumentException(
            $"[dtype] {typeof(T)} is not an element type; use float, double, int, uint, long, byte or bool");
    }

    /// <summary>The type that holds the values of both, by MLX's promotion rules for arrays.</summary>
    /// <remarks>
    /// bool joins anything; an integer with a float gives that float; uint8 with int32 gives int32;
    /// uint32 with a signed integer gives int64.
    /// </remarks>
    public static DType Promote(DType a, DType b)
    {
        if (a == b) return a;
        var (low, high) = a < b ? (a, b) : (b, a);
        return low == DType.Int32 && high == DType.UInt32 ? DType.Int64 : high;
    }

    [ExcludeFromCodeCoverage]
    internal static ArgumentOutOfRangeException Unknown(DType dtype) =>
        new(nameof(dtype), dtype, "[dtype] not a ManagedFed element type");
}
