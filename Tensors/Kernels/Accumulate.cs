using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace ManagedFed.Kernels;

/// <summary>Adds elements to those of another layout of the same shape and type, float32 or float64.</summary>
internal static unsafe class Accumulate
{
    /// <summary>dst[i] += src[i] for every index; no two indices of dst are one element.</summary>
    public static void Run(NdArray src, NdArray dst)
    {
        Debug.Assert(src.Shape == dst.Shape && src.DType == dst.DType);
        if (src.Count != 0)
        {
            var axes = new AxisPair(src.Layout, dst.Layout);
            if (src.DType == DType.Float32) Run((float*)src.Pointer, (float*)dst.Pointer, axes);
            else Run((double*)src.Pointer, (double*)dst.Pointer, axes);
        }
        GC.KeepAlive(src);
        GC.KeepAlive(dst);
    }

    /// <summary>dst[i] += src[i] for so many elements in a row.</summary>
    public static void Line<T>(T* src, T* dst, nint count) where T : unmanaged, INumber<T>
    {
        nint i = 0;
        for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count) *(Vector256<T>*)(dst + i) = *(Vector256<T>*)(dst + i) + *(Vector256<T>*)(src + i);
        for (; i < count; i++) dst[i] += src[i];
    }

    private static void Run<T>(T* src, T* dst, AxisPair axes) where T : unmanaged, INumber<T>
    {
        if (axes.Count == 0)
        {
            *dst += *src;
            return;
        }
        var inner = axes.Remove(axes.Count - 1);
        var count = axes.Product();
        for (nint i = 0; i < count; i++)
        {
            var (from, to) = axes.Offsets(i);
            if (inner is { First: 1, Second: 1 }) Line(src + from, dst + to, inner.Size);
            else for (nint k = 0; k < inner.Size; k++) dst[to + k * inner.Second] += src[from + k * inner.First];
        }
    }
}
