using System.Numerics;
using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Converts elements from one type to another.</summary>
internal static class ConvertKernel
{
    /// <summary>
    /// dst[i] = (dst type) x[i]; x may have any strides, dst is contiguous. Float to integer truncates and saturates, NaN gives 0;
    /// a wider integer keeps its low bits; non-zero becomes true.
    /// </summary>
    public static void Run(NdArray x, NdArray dst)
    {
        var plan = new ElementPlan(dst, x);
        switch (x.DType)
        {
            case DType.Bool or DType.UInt8: From<byte>(dst.DType, ref plan); break;
            case DType.Int32: From<int>(dst.DType, ref plan); break;
            case DType.UInt32: From<uint>(dst.DType, ref plan); break;
            case DType.Int64: From<long>(dst.DType, ref plan); break;
            case DType.Float32: From<float>(dst.DType, ref plan); break;
            default: From<double>(dst.DType, ref plan); break;
        }
        GC.KeepAlive(x);
        GC.KeepAlive(dst);
    }

    private static void From<TFrom>(DType to, ref ElementPlan plan) where TFrom : unmanaged, INumber<TFrom>
    {
        switch (to)
        {
            case DType.Bool: Elementwise.Execute<ToBool<TFrom>>(ref plan); break;
            case DType.UInt8: Elementwise.Execute<To<TFrom, byte>>(ref plan); break;
            case DType.Int32: Elementwise.Execute<To<TFrom, int>>(ref plan); break;
            case DType.UInt32: Elementwise.Execute<To<TFrom, uint>>(ref plan); break;
            case DType.Int64: Elementwise.Execute<To<TFrom, long>>(ref plan); break;
            case DType.Float32: Elementwise.Execute<To<TFrom, float>>(ref plan); break;
            default: Elementwise.Execute<To<TFrom, double>>(ref plan); break;
        }
    }

    private readonly unsafe struct To<TFrom, TTo> : ISegmentLoop
        where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        public static int Grain => 16 * 1024;

        public static void Run(in Segment segment)
        {
            var from = segment.A;
            var to = (TTo*)segment.Destination;
            for (nint i = 0; i < segment.Count; i++, from += segment.StepA) to[i] = TTo.CreateTruncating(Unsafe.ReadUnaligned<TFrom>(from));
        }
    }

    private readonly unsafe struct ToBool<TFrom> : ISegmentLoop where TFrom : unmanaged, INumber<TFrom>
    {
        public static int Grain => 16 * 1024;

        public static void Run(in Segment segment)
        {
            var from = segment.A;
            for (nint i = 0; i < segment.Count; i++, from += segment.StepA)
            {
                segment.Destination[i] = TFrom.IsZero(Unsafe.ReadUnaligned<TFrom>(from)) ? (byte)0 : (byte)1;
            }
        }
    }
}
