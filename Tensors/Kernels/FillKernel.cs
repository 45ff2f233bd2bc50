using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Writes constants and ranges.</summary>
internal static unsafe class FillKernel
{
    /// <summary>dst[i] = value, converted to the array's type; dst is contiguous.</summary>
    public static void Run(NdArray dst, double value) => Arange(dst, value, 0);

    /// <summary>dst[i] = start + i·step, computed in double and converted; dst is contiguous.</summary>
    public static void Arange(NdArray dst, double start, double step)
    {
        switch (dst.DType)
        {
            case DType.Bool: Write((byte*)dst.Pointer, dst, start != 0 ? 1 : 0, 0); break;
            case DType.UInt8: Write((byte*)dst.Pointer, dst, start, step); break;
            case DType.Int32: Write((int*)dst.Pointer, dst, start, step); break;
            case DType.UInt32: Write((uint*)dst.Pointer, dst, start, step); break;
            case DType.Int64: Write((long*)dst.Pointer, dst, start, step); break;
            case DType.Float32: Write((float*)dst.Pointer, dst, start, step); break;
            default: Write((double*)dst.Pointer, dst, start, step); break;
        }
        GC.KeepAlive(dst);
    }

    private static void Write<T>(T* p, NdArray dst, double start, double step) where T : unmanaged, INumber<T>
    {
        if (step == 0)
        {
            new Span<T>(p, checked((int)dst.Count)).Fill(T.CreateTruncating(start));
            return;
        }
        for (nint i = 0; i < dst.Layout.Count; i++) p[i] = T.CreateTruncating(start + i * step);
    }
}
