using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace ManagedFed.Kernels;

/// <summary>Reads elements at positions given by an array of indices.</summary>
internal static unsafe class Gather
{
    /// <summary>Bytes of a row below which prefetching costs more than it saves, and those fetched at most.</summary>
    private const nint ShortRow = 256, PrefetchAhead = 4096;

    /// <summary>
    /// dst[o…, k…, i…] = src[o…, indices[k…], i…], where o are the axes before <paramref name="axis"/> and i those after it.
    /// </summary>
    /// <remarks>src and indices may be strided; dst is contiguous. Negative indices count from the end of the axis.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the axis; dst is then untouched.</exception>
    public static void Take(NdArray src, NdArray indices, int axis, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == src.DType);
        using var list = new IndexList("take", indices, axis, src.Shape[axis]);
        using var view = new AxisView(src, axis, 1, denseInner: true);
        switch (src.DType.Size())
        {
            case 1: Take<byte>(view, list, dst); break;
            case 2: Take<ushort>(view, list, dst); break;
            case 4: Take<uint>(view, list, dst); break;
            default: Take<ulong>(view, list, dst); break;
        }
        GC.KeepAlive(dst);
    }

    /// <summary>dst[o…, k, i…] = src[o…, indices[o…, k, i…], i…]: one index for every element of dst.</summary>
    /// <remarks>
    /// indices has the shape of dst, and of src but along <paramref name="axis"/>. src and indices may be strided; dst is contiguous.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the axis; dst is then untouched.</exception>
    public static void TakeAlong(NdArray src, NdArray indices, int axis, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == src.DType && dst.Shape == indices.Shape);
        Debug.Assert(src.Shape == indices.Shape.With(axis, src.Shape[axis]));
        using var list = new IndexList("take_along_axis", indices, axis, src.Shape[axis]);
        using var view = new AxisView(src, axis, 1, denseInner: false);
        switch (src.DType.Size())
        {
            case 1: TakeAlong<byte>(view, list, indices.Shape[axis], dst); break;
            case 2: TakeAlong<ushort>(view, list, indices.Shape[axis], dst); break;
            case 4: TakeAlong<uint>(view, list, indices.Shape[axis], dst); break;
            default: TakeAlong<ulong>(view, list, indices.Shape[axis], dst); break;
        }
        GC.KeepAlive(dst);
    }

    /// <summary>dst[i] = indices[i] as uint32, none of which counts from the end; dst is contiguous.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside 0 … size−1; dst is then untouched.</exception>
    public static void FromStart(string op, NdArray indices, int axis, int size, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == DType.UInt32 && dst.Shape == indices.Shape);
        using var list = new IndexList(op, indices, axis, size, fromEnd: false);
        var to = (uint*)dst.Pointer;
        for (nint i = 0; i < list.Count; i++) to[i] = (uint)list.Pointer[i];
        GC.KeepAlive(dst);
    }

    private static void Take<T>(in AxisView src, in IndexList indices, NdArray dst) where T : unmanaged
    {
        var body = new TakeBody<T>
        {
            Source = (T*)src.Pointer,
            OuterStep = src.OuterStep,
            AxisStep = src.MiddleStep,
            Inner = src.Inner,
            Indices = indices.Pointer,
            Count = indices.Count,
            Target = (T*)dst.Pointer,
        };
        Pieces.Run(src.Outer * body.Count, src.Inner, ref body);
    }

    private static void TakeAlong<T>(in AxisView src, in IndexList indices, nint count, NdArray dst) where T : unmanaged
    {
        var body = new TakeAlongBody<T>
        {
            Source = (T*)src.Pointer,
            OuterStep = src.OuterStep,
            AxisStep = src.MiddleStep,
            InnerStep = src.InnerStep,
            Inner = src.Inner,
            Indices = indices.Pointer,
            Count = count,
            Target = (T*)dst.Pointer,
        };
        Pieces.Run(src.Outer * count, src.Inner, ref body);
    }

    /// <summary>Items are the pairs (outer, index), one block of inner elements each.</summary>
    private struct TakeBody<T> : IRangeBody where T : unmanaged
    {
        public T* Source, Target;
        public long* Indices;
        public nint OuterStep, AxisStep, Inner, Count;

        public readonly void Run(nint start, nint end)
        {
            var (outer, k) = Math.DivRem(start, nint.Max(Count, 1));
            var to = Target + start * Inner;
            for (var item = start; item < end; item++, to += Inner)
            {
                var from = Source + outer * OuterStep + (nint)Indices[k] * AxisStep;
                if (k + 1 < Count) Prefetch(Source + outer * OuterStep + (nint)Indices[k + 1] * AxisStep);
                if (Inner == 1) *to = *from;
                else Buffer.MemoryCopy(from, to, Inner * sizeof(T), Inner * sizeof(T));
                if (++k == Count) (outer, k) = (outer + 1, 0);
            }
        }

        // Rows lie anywhere in a large array: the processor foresees the lines of this one, but not where the next begins.
        private readonly void Prefetch(T* row)
        {
            var bytes = Inner * sizeof(T);
            if (!Sse.IsSupported || bytes < ShortRow) return;
            for (nint at = 0; at < nint.Min(bytes, PrefetchAhead); at += Block.LineSize) Sse.Prefetch0((byte*)row + at);
        }
    }

    private struct TakeAlongBody<T> : IRangeBody where T : unmanaged
    {
        public T* Source, Target;
        public long* Indices;
        public nint OuterStep, AxisStep, InnerStep, Inner, Count;

        public readonly void Run(nint start, nint end)
        {
            var (outer, k) = Math.DivRem(start, nint.Max(Count, 1));
            for (var item = start; item < end; item++)
            {
                var from = Source + outer * OuterStep;
                var at = item * Inner;
                for (nint i = 0; i < Inner; i++) Target[at + i] = from[(nint)Indices[at + i] * AxisStep + i * InnerStep];
                if (++k == Count) (outer, k) = (outer + 1, 0);
            }
        }
    }
}
