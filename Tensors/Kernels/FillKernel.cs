using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Writes constants and ranges.</summary>
internal static unsafe class FillKernel
{
    private const int SpanLimit = 1 << 30;

    /// <summary>dst[i] = value, converted to the array's type; dst is contiguous.</summary>
    public static void Run(NdArray dst, double value) => Arange(dst, value, 0);

    /// <summary>dst[i] = start + i·step, computed in double and converted; dst is contiguous.</summary>
    public static void Arange(NdArray dst, double start, double step)
    {
        switch (dst.DType)
        {
            case DType.Bool: Fill((byte*)dst.Pointer, start != 0 ? (byte)1 : (byte)0, dst.Layout.Count); break;
            case DType.UInt8: Write((byte*)dst.Pointer, dst, start, step); break;
            case DType.Int8: Write((sbyte*)dst.Pointer, dst, start, step); break;
            case DType.Int16: Write((short*)dst.Pointer, dst, start, step); break;
            case DType.UInt16: Write((ushort*)dst.Pointer, dst, start, step); break;
            case DType.Int32: Write((int*)dst.Pointer, dst, start, step); break;
            case DType.UInt32: Write((uint*)dst.Pointer, dst, start, step); break;
            case DType.Int64: Write((long*)dst.Pointer, dst, start, step); break;
            case DType.UInt64: Write((ulong*)dst.Pointer, dst, start, step); break;
            case DType.Float16: Write((Half*)dst.Pointer, dst, start, step); break;
            case DType.BFloat16: WriteBFloat16((BFloat16*)dst.Pointer, dst, start, step); break;
            case DType.Float32: Write((float*)dst.Pointer, dst, start, step); break;
            default: Write((double*)dst.Pointer, dst, start, step); break;
        }
        GC.KeepAlive(dst);
    }

    /// <summary>Writes one value to count elements, in pieces that a span can hold.</summary>
    public static void Fill<T>(T* p, T value, nint count) where T : unmanaged
    {
        for (; count > SpanLimit; count -= SpanLimit, p += SpanLimit) new Span<T>(p, SpanLimit).Fill(value);
        new Span<T>(p, (int)count).Fill(value);
    }

    private static void WriteBFloat16(BFloat16* p, NdArray dst, double start, double step)
    {
        var count = dst.Layout.Count;
        if (step == 0) Fill(p, (BFloat16)start, count);
        else for (nint i = 0; i < count; i++) p[i] = (BFloat16)(start + i * step);
    }

    private static void Write<T>(T* p, NdArray dst, double start, double step) where T : unmanaged, INumber<T>
    {
        var count = dst.Layout.Count;
        if (step == 0) Fill(p, T.CreateTruncating(start), count);
        else for (nint i = 0; i < count; i++) p[i] = T.CreateTruncating(start + i * step);
    }
}
