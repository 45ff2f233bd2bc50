using System.Numerics;
using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Converts elements from one type to another.</summary>
internal static unsafe class ConvertKernel
{
    private const int Grain = 16 * 1024;

    /// <summary>
    /// dst[i] = (dst type) x[i]; x may have any strides, dst is contiguous. Float to integer truncates and saturates, NaN gives 0;
    /// a wider integer keeps its low bits; non-zero becomes true; a number that a float type lacks becomes its nearest, halves to even.
    /// </summary>
    public static void Run(NdArray x, NdArray dst) => Elementwise.Run(Loop(x.DType, dst.DType), dst, x);

    /// <summary>The loop from one type to another.</summary>
    public static ElementLoop Loop(DType from, DType to)
    {
        // A narrow type's wide one is all that conversions from it need to know; where that is the other type, no more is to do.
        if (from.Wide() == to.Wide() && from.IsNarrow() != to.IsNarrow())
        {
            return new(null, Grain) { Operands = from.IsNarrow() ? from : null, Result = to.IsNarrow() ? to : null };
        }
        return from.Wide() switch
        {
            DType.Bool or DType.UInt8 => From<byte>(to),
            DType.Int32 => From<int>(to),
            DType.UInt32 => From<uint>(to),
            DType.Int64 => From<long>(to),
            DType.UInt64 => From<ulong>(to),
            DType.Float32 => From<float>(to),
            _ => From<double>(to),
        } with
        { Operands = from.IsNarrow() ? from : null };
    }

    private static ElementLoop From<TFrom>(DType to) where TFrom : unmanaged, INumber<TFrom> => to switch
    {
        DType.Bool => new(&ToBool<TFrom>, Grain),
        DType.UInt8 => new(&To<TFrom, byte>, Grain),
        DType.Int8 => new(&To<TFrom, sbyte>, Grain),
        DType.Int16 => new(&To<TFrom, short>, Grain),
        DType.UInt16 => new(&To<TFrom, ushort>, Grain),
        DType.Int32 => new(&To<TFrom, int>, Grain),
        DType.UInt32 => new(&To<TFrom, uint>, Grain),
        DType.Int64 => new(&To<TFrom, long>, Grain),
        DType.UInt64 => new(&To<TFrom, ulong>, Grain),
        DType.Float16 => new(&To<TFrom, Half>, Grain),
        DType.BFloat16 => new(&ToBFloat16<TFrom>, Grain),
        DType.Float32 => new(&To<TFrom, float>, Grain),
        _ => new(&To<TFrom, double>, Grain),
    };

    private static void To<TFrom, TTo>(in Segment segment) where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        var from = segment.A;
        var to = (TTo*)segment.Destination;
        for (nint i = 0; i < segment.Count; i++, from += segment.StepA) to[i] = TTo.CreateTruncating(Unsafe.ReadUnaligned<TFrom>(from));
    }

    private static void ToBFloat16<TFrom>(in Segment segment) where TFrom : unmanaged, INumber<TFrom>
    {
        var from = segment.A;
        var to = (BFloat16*)segment.Destination;
        for (nint i = 0; i < segment.Count; i++, from += segment.StepA) to[i] = (BFloat16)double.CreateTruncating(Unsafe.ReadUnaligned<TFrom>(from));
    }

    private static void ToBool<TFrom>(in Segment segment) where TFrom : unmanaged, INumber<TFrom>
    {
        var from = segment.A;
        for (nint i = 0; i < segment.Count; i++, from += segment.StepA)
        {
            segment.Destination[i] = TFrom.IsZero(Unsafe.ReadUnaligned<TFrom>(from)) ? (byte)0 : (byte)1;
        }
    }
}
