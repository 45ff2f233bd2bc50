using System.Diagnostics;
using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Joins elements into those at positions given by an array of indices.</summary>
internal static unsafe class ScatterUpdate
{
    /// <summary>Columns that one piece of work updates.</summary>
    private const nint Columns = 1024;

    /// <summary>dst[o…, indices[k…], i…] = dst[…] ∘ updates[o…, k…, i…], where o are the axes before <paramref name="axis"/>.</summary>
    /// <remarks>
    /// Repeated indices are joined in the row-major order of the indices, whatever the number of threads. indices and updates may
    /// be strided; dst is contiguous.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the axis; dst is then untouched.</exception>
    public static void Run<TJoin>(string op, NdArray dst, NdArray indices, int axis, NdArray updates) where TJoin : IJoin
    {
        Debug.Assert(dst.IsContiguous && dst.DType == updates.DType);
        using var list = new IndexList(op, indices, axis, dst.Shape[axis]);
        using var view = new AxisView(updates, axis, indices.Shape.Rank, denseInner: true);
        var typed = new Typed<TJoin> { Target = dst.Pointer, Size = dst.Shape[axis], Indices = list.Pointer, View = view };
        NumberTypes.Run(dst.DType, ref typed);
        GC.KeepAlive(dst);
    }

    private ref struct Typed<TJoin> : INumberBody where TJoin : IJoin
    {
        public byte* Target;
        public long* Indices;
        public nint Size;
        public AxisView View;

        public readonly void Run<T>() where T : unmanaged, INumber<T>
        {
            var blocks = (View.Inner + Columns - 1) / Columns;
            var body = new Body<TJoin, T>
            {
                Target = (T*)Target,
                Size = Size,
                Indices = Indices,
                Count = View.Middle,
                Source = (T*)View.Pointer,
                OuterStep = View.OuterStep,
                AxisStep = View.MiddleStep,
                Inner = View.Inner,
                Blocks = blocks,
            };
            Pieces.Run(View.Outer * blocks, View.Middle * nint.Min(View.Inner, Columns), ref body);
        }
    }

    /// <summary>Items are the pairs (outer, block of columns): no two of them touch one element of dst.</summary>
    private struct Body<TJoin, T> : IRangeBody where TJoin : IJoin where T : unmanaged, INumber<T>
    {
        public T* Target, Source;
        public long* Indices;
        public nint OuterStep, AxisStep, Inner, Count, Size, Blocks;

        public readonly void Run(nint start, nint end)
        {
            for (var item = start; item < end; item++)
            {
                var (outer, block) = Math.DivRem(item, Blocks);
                var column = block * Columns;
                var width = nint.Min(Columns, Inner - column);
                for (nint k = 0; k < Count; k++)
                {
                    var to = Target + (outer * Size + (nint)Indices[k]) * Inner + column;
                    var from = Source + outer * OuterStep + k * AxisStep + column;
                    for (nint i = 0; i < width; i++) to[i] = TJoin.Next(to[i], from[i]);
                }
            }
        }
    }
}
