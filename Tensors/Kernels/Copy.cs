namespace ManagedFed.Kernels;

/// <summary>Copies elements between two layouts of one shape and type.</summary>
internal static unsafe class Copy
{
    /// <summary>dst[i] = src[i] for every index; the arrays must not overlap.</summary>
    public static void Run(NdArray src, NdArray dst)
    {
        switch (src.DType.Size())
        {
            case 1: Strided((byte*)src.Pointer, src.Layout, (byte*)dst.Pointer, dst.Layout); break;
            case 4: Strided((uint*)src.Pointer, src.Layout, (uint*)dst.Pointer, dst.Layout); break;
            default: Strided((ulong*)src.Pointer, src.Layout, (ulong*)dst.Pointer, dst.Layout); break;
        }
        GC.KeepAlive(src);
        GC.KeepAlive(dst);
    }

    private static void Strided<T>(T* src, Layout from, T* dst, Layout to) where T : unmanaged
    {
        var index = new int[from.Shape.Rank];
        for (nint n = 0; n < from.Count; n++)
        {
            nint a = 0, b = 0;
            for (var i = 0; i < index.Length; i++)
            {
                a += index[i] * from.Strides[i];
                b += index[i] * to.Strides[i];
            }
            dst[b] = src[a];
            for (var i = index.Length - 1; i >= 0 && ++index[i] == from.Shape[i]; i--) index[i] = 0;
        }
    }
}
