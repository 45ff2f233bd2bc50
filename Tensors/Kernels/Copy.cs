using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Copies elements between two layouts of one shape and type.</summary>
internal static unsafe class Copy
{
    /// <summary>Rows and columns of a transposed tile: one cache line of 4-byte elements.</summary>
    private const int Tile = 16;

    /// <summary>dst[i] = src[i] for every index; the arrays must not overlap.</summary>
    public static void Run(NdArray src, NdArray dst)
    {
        Debug.Assert(src.Shape == dst.Shape && src.DType == dst.DType);
        if (src.Count != 0)
        {
            var axes = new AxisPair(src.Layout, dst.Layout);
            switch (src.DType.Size())
            {
                case 1: Run((byte*)src.Pointer, (byte*)dst.Pointer, axes); break;
                case 2: Run((ushort*)src.Pointer, (ushort*)dst.Pointer, axes); break;
                case 4: Run((uint*)src.Pointer, (uint*)dst.Pointer, axes); break;
                default: Run((ulong*)src.Pointer, (ulong*)dst.Pointer, axes); break;
            }
        }
        GC.KeepAlive(src);
        GC.KeepAlive(dst);
    }

    /// <summary>
    /// A row-major array of x's elements for use inside one kernel call: x itself when it is one.
    /// The caller ends its use with <c>Storage.Release()</c>.
    /// </summary>
    public static NdArray Dense(NdArray x)
    {
        if (x.IsContiguous)
        {
            x.Storage.Claim();
            return x;
        }
        var dense = NdArray.Rent(x.Shape, x.DType);
        Run(x, dense);
        return dense;
    }

    private static void Run<T>(T* src, T* dst, AxisPair axes) where T : unmanaged
    {
        if (axes.Count == 0)
        {
            *dst = *src;
            return;
        }
        var inner = axes.Remove(axes.Count - 1);
        var turned = inner is { Second: 1, First: not 1 } ? UnitAxis(axes) : -1;
        var other = turned < 0 ? default : axes.Remove(turned);
        var count = axes.Product();
        for (nint i = 0; i < count; i++)
        {
            var (from, to) = axes.Offsets(i);
            if (turned >= 0) Transpose(src + from, inner.First, dst + to, other.Second, inner.Size, other.Size);
            else Line(src + from, inner.First, dst + to, inner.Second, inner.Size);
        }
    }

    /// <summary>The axis along which the source is dense, or -1.</summary>
    private static int UnitAxis(in AxisPair axes)
    {
        var i = axes.Count - 1;
        while (i >= 0 && axes[i].First != 1) i--;
        return i;
    }

    private static void Line<T>(T* src, nint srcStep, T* dst, nint dstStep, nint count) where T : unmanaged
    {
        if (dstStep == 1 && srcStep == 1) Buffer.MemoryCopy(src, dst, count * sizeof(T), count * sizeof(T));
        else if (dstStep == 1 && srcStep == 0) FillKernel.Fill(dst, *src, count);
        else for (nint i = 0; i < count; i++) dst[i * dstStep] = src[i * srcStep];
    }

    /// <summary>
    /// dst[r·dstStep + c] = src[c·srcStep + r], tile by tile through a buffer, so that every line of both sides is touched once:
    /// with strides of a power of two, the lines of a tile push each other out of the cache.
    /// </summary>
    [SkipLocalsInit]
    private static void Transpose<T>(T* src, nint srcStep, T* dst, nint dstStep, nint columns, nint rows) where T : unmanaged
    {
        var tile = stackalloc T[Tile * Tile];
        for (nint c = 0; c < columns; c += Tile)
        {
            var width = nint.Min(Tile, columns - c);
            for (nint r = 0; r < rows; r += Tile)
            {
                var height = nint.Min(Tile, rows - r);
                var from = src + c * srcStep + r;
                var to = dst + r * dstStep + c;
                for (nint j = 0; j < width; j++) new Span<T>(from + j * srcStep, (int)height).CopyTo(new(tile + j * Tile, (int)height));
                for (nint i = 0; i < height; i++)
                {
                    for (nint j = 0; j < width; j++) to[i * dstStep + j] = tile[j * Tile + i];
                }
            }
        }
    }
}
