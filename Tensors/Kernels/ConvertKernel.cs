using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Converts elements from one type to another.</summary>
internal static unsafe class ConvertKernel
{
    /// <summary>dst[i] = (dst type) x[i]; dst is contiguous. Float to integer truncates, non-zero becomes true.</summary>
    public static void Run(NdArray x, NdArray dst)
    {
        x = x.Contiguous();
        switch (x.DType)
        {
            case DType.Bool or DType.UInt8: To((byte*)x.Pointer, dst); break;
            case DType.Int32: To((int*)x.Pointer, dst); break;
            case DType.UInt32: To((uint*)x.Pointer, dst); break;
            case DType.Int64: To((long*)x.Pointer, dst); break;
            case DType.Float32: To((float*)x.Pointer, dst); break;
            default: To((double*)x.Pointer, dst); break;
        }
        GC.KeepAlive(x);
        GC.KeepAlive(dst);
    }

    private static void To<T>(T* x, NdArray dst) where T : unmanaged, INumber<T>
    {
        var n = dst.Layout.Count;
        switch (dst.DType)
        {
            case DType.Bool: for (nint i = 0; i < n; i++) ((byte*)dst.Pointer)[i] = T.IsZero(x[i]) ? (byte)0 : (byte)1; break;
            case DType.UInt8: for (nint i = 0; i < n; i++) ((byte*)dst.Pointer)[i] = byte.CreateTruncating(x[i]); break;
            case DType.Int32: for (nint i = 0; i < n; i++) ((int*)dst.Pointer)[i] = int.CreateTruncating(x[i]); break;
            case DType.UInt32: for (nint i = 0; i < n; i++) ((uint*)dst.Pointer)[i] = uint.CreateTruncating(x[i]); break;
            case DType.Int64: for (nint i = 0; i < n; i++) ((long*)dst.Pointer)[i] = long.CreateTruncating(x[i]); break;
            case DType.Float32: for (nint i = 0; i < n; i++) ((float*)dst.Pointer)[i] = float.CreateTruncating(x[i]); break;
            default: for (nint i = 0; i < n; i++) ((double*)dst.Pointer)[i] = double.CreateTruncating(x[i]); break;
        }
    }
}
