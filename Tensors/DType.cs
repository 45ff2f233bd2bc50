using System.Diagnostics.CodeAnalysis;

namespace ManagedFed;

/// <summary>The type of an array's elements.</summary>
public enum DType
{
    /// <summary>A truth value, one byte: 0 or 1.</summary>
    Bool,

    /// <summary>An unsigned 8-bit integer.</summary>
    UInt8,

    /// <summary>A signed 8-bit integer.</summary>
    Int8,

    /// <summary>A signed 16-bit integer.</summary>
    Int16,

    /// <summary>An unsigned 16-bit integer.</summary>
    UInt16,

    /// <summary>A signed 32-bit integer.</summary>
    Int32,

    /// <summary>An unsigned 32-bit integer.</summary>
    UInt32,

    /// <summary>A signed 64-bit integer.</summary>
    Int64,

    /// <summary>An unsigned 64-bit integer.</summary>
    UInt64,

    /// <summary>An IEEE 754 binary16 number (<see cref="System.Half"/>): 11 significant bits, at most 65504.</summary>
    Float16,

    /// <summary>The upper half of a binary32 number (<see cref="ManagedFed.BFloat16"/>): 8 significant bits.</summary>
    BFloat16,

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
        DType.Bool or DType.UInt8 or DType.Int8 => 1,
        DType.Int16 or DType.UInt16 or DType.Float16 or DType.BFloat16 => 2,
        DType.Int32 or DType.UInt32 or DType.Float32 => 4,
        DType.Int64 or DType.UInt64 or DType.Float64 => 8,
        _ => throw Unknown(dtype),
    };

    /// <summary>True for the types of fractions: float16, bfloat16, float32, float64.</summary>
    public static bool IsFloating(this DType dtype) => dtype is DType.Float16 or DType.BFloat16 or DType.Float32 or DType.Float64;

    /// <summary>NumPy's name of the type, as users write it: <c>float32</c>.</summary>
    public static string Name(this DType dtype) => dtype switch
    {
        DType.Bool => "bool",
        DType.UInt8 => "uint8",
        DType.Int8 => "int8",
        DType.Int16 => "int16",
        DType.UInt16 => "uint16",
        DType.Int32 => "int32",
        DType.UInt32 => "uint32",
        DType.Int64 => "int64",
        DType.UInt64 => "uint64",
        DType.Float16 => "float16",
        DType.BFloat16 => "bfloat16",
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
        if (typeof(T) == typeof(Half)) return DType.Float16;
        if (typeof(T) == typeof(BFloat16)) return DType.BFloat16;
        if (typeof(T) == typeof(int)) return DType.Int32;
        if (typeof(T) == typeof(uint)) return DType.UInt32;
        if (typeof(T) == typeof(long)) return DType.Int64;
        if (typeof(T) == typeof(ulong)) return DType.UInt64;
        if (typeof(T) == typeof(byte)) return DType.UInt8;
        if (typeof(T) == typeof(sbyte)) return DType.Int8;
        if (typeof(T) == typeof(short)) return DType.Int16;
        if (typeof(T) == typeof(ushort)) return DType.UInt16;
        if (typeof(T) == typeof(bool)) return DType.Bool;
        throw new ArgumentException(
            $"[dtype] {typeof(T)} is not an element type; use Half, BFloat16, float, double, a built-in integer type or bool");
    }

    /// <summary>The type for what is computed from both, by MLX's promotion rules for arrays.</summary>
    /// <remarks>
    /// bool joins anything; an integer with a float gives that float, and float16 with bfloat16 float32. Of two integers the larger wins;
    /// an unsigned one that is not smaller than a signed one gives the next larger signed type, and uint64, beyond which there is none,
    /// float32.
    /// </remarks>
    public static DType Promote(DType a, DType b)
    {
        if (a == b || b == DType.Bool) return a;
        if (a == DType.Bool) return b;
        if (a.IsFloating() && b.IsFloating()) return a.Size() == b.Size() ? DType.Float32 : a.Size() > b.Size() ? a : b;
        if (a.IsFloating()) return a;
        if (b.IsFloating()) return b;
        if (a.IsSigned() == b.IsSigned()) return a.Size() > b.Size() ? a : b;
        var (signed, unsigned) = a.IsSigned() ? (a, b) : (b, a);
        return signed.Size() > unsigned.Size() ? signed : unsigned switch
        {
            DType.UInt8 => DType.Int16,
            DType.UInt16 => DType.Int32,
            DType.UInt32 => DType.Int64,
            _ => DType.Float32,
        };
    }

    /// <summary>The types of several arrays promoted one after the other.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static DType ResultType(params ReadOnlySpan<DType> dtypes)
    {
        if (dtypes.IsEmpty) Throw.Argument("result_type", "no types given, expected one or more");
        var result = dtypes[0];
        foreach (var dtype in dtypes[1..]) result = Promote(result, dtype);
        return result;
    }

    /// <summary>True when <paramref name="to"/> has every value of <paramref name="from"/>: int16 fits float32, int32 does not.</summary>
    /// <remarks>NumPy, which asks the same, lets 64-bit integers pass as float64.</remarks>
    public static bool CanCast(DType from, DType to)
    {
        if (from == to || from == DType.Bool) return true;
        if (to == DType.Bool) return false;
        if (from.IsFloating()) return to.IsFloating() && from.Size() < to.Size();
        if (to.IsFloating()) return FInfo(to).SignificantBits >= 8 * from.Size() - (from.IsSigned() ? 1 : 0);
        var (narrow, wide) = (IInfo(from), IInfo(to));
        return wide.Min <= narrow.Min && narrow.Max <= wide.Max;
    }

    /// <summary>The bounds of an integer type.</summary>
    /// <exception cref="ArgumentException">The type is no integer type.</exception>
    public static IntegerInfo IInfo(DType dtype)
    {
        if (dtype == DType.Bool || dtype.IsFloating()) Throw.DTypeMismatch("iinfo", dtype, "an integer type");
        var bits = 8 * dtype.Size();
        return dtype.IsSigned()
            ? new(bits, -(Int128.One << (bits - 1)), (Int128.One << (bits - 1)) - 1)
            : new(bits, 0, (Int128.One << bits) - 1);
    }

    /// <summary>The bounds and the precision of a floating type.</summary>
    /// <exception cref="ArgumentException">The type is not floating.</exception>
    public static FloatInfo FInfo(DType dtype)
    {
        if (!dtype.IsFloating()) Throw.DTypeMismatch("finfo", dtype, "a floating type");
        var (significant, exponent) = dtype switch
        {
            DType.Float16 => (11, 15),
            DType.BFloat16 => (8, 127),
            DType.Float32 => (24, 127),
            _ => (53, 1023),
        };
        var epsilon = Math.ScaleB(1, 1 - significant);
        return new(8 * dtype.Size(), significant, Math.ScaleB(2 - epsilon, exponent), epsilon, Math.ScaleB(1, 1 - exponent));
    }

    /// <summary>The type that arithmetic is done in: float32 for float16 and bfloat16, int32 and uint32 for smaller integers but uint8.</summary>
    internal static DType Wide(this DType dtype) => dtype switch
    {
        DType.Int8 or DType.Int16 => DType.Int32,
        DType.UInt16 => DType.UInt32,
        DType.Float16 or DType.BFloat16 => DType.Float32,
        _ => dtype,
    };

    /// <summary>True for float16 and bfloat16.</summary>
    internal static bool IsHalf(this DType dtype) => dtype is DType.Float16 or DType.BFloat16;

    /// <summary>True when arithmetic is done in another type.</summary>
    internal static bool IsNarrow(this DType dtype) => dtype.Wide() != dtype;

    private static bool IsSigned(this DType dtype) => dtype is DType.Int8 or DType.Int16 or DType.Int32 or DType.Int64;

    [ExcludeFromCodeCoverage]
    internal static ArgumentOutOfRangeException Unknown(DType dtype) =>
        new(nameof(dtype), dtype, $"[dtype] {(int)dtype} is not a ManagedFed element type");
}

/// <summary>The facts of an integer type.</summary>
/// <param name="Bits">Bits per element.</param>
/// <param name="Min">The least value.</param>
/// <param name="Max">The largest value.</param>
public readonly record struct IntegerInfo(int Bits, Int128 Min, Int128 Max);

/// <summary>The facts of a floating type.</summary>
/// <param name="Bits">Bits per element.</param>
/// <param name="SignificantBits">Binary digits of a number, the leading one included.</param>
/// <param name="Max">The largest finite value; the least is −Max.</param>
/// <param name="Epsilon">The distance from 1 to the next larger value.</param>
/// <param name="SmallestNormal">The least positive value of full precision.</param>
public readonly record struct FloatInfo(int Bits, int SignificantBits, double Max, double Epsilon, double SmallestNormal);
