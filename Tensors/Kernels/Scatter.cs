using System.Diagnostics;
using System.Numerics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Adds elements to positions given by an array of indices: the adjoints of <see cref="Gather"/>.</summary>
/// <remarks>
/// Repeated indices accumulate in the row-major order of the indices; work is cut only where elements of dst do not meet,
/// so that the result does not depend on the number of threads.
/// </remarks>
internal static unsafe class Scatter
{
    /// <summary>Columns that one piece of work updates.</summary>
    private const nint Columns = 1024;

    /// <summary>dst[o…, indices[k…], i…] += updates[o…, k…, i…], where o are the axes before <paramref name="axis"/>.</summary>
    /// <remarks>indices and updates may be strided; dst is contiguous, of any number type.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the axis; dst is then untouched.</exception>
    public static void Add(NdArray dst, NdArray indices, int axis, NdArray updates)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == updates.DType);
        if (dst.DType == DType.Bool) Throw.DTypeMismatch("scatter_add", dst.DType, "a number");
        using var list = new IndexList("scatter_add", indices, axis, dst.Shape[axis]);
        using var view = new AxisView(updates, axis, indices.Shape.Rank, denseInner: true);
        switch (dst.DType)
        {
            case DType.Float32: Add<float>(dst, list, axis, view); break;
            case DType.Float64: Add<double>(dst, list, axis, view); break;
            case DType.Int32 or DType.UInt32: Add<uint>(dst, list, axis, view); break;
            case DType.UInt8: Add<byte>(dst, list, axis, view); break;
            case DType.Int64 or DType.UInt64: Add<ulong>(dst, list, axis, view); break;
            default: throw DTypes.Unknown(dst.DType);
        }
        GC.KeepAlive(dst);
    }

    /// <summary>dst[o…, indices[o…, k, i…], i…] += updates[o…, k, i…]: one index for every element of updates.</summary>
    /// <remarks>
    /// indices has the shape of updates, and of dst but along <paramref name="axis"/>. indices and updates may be strided;
    /// dst is contiguous, of any number type.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the axis; dst is then untouched.</exception>
    public static void AddAlong(NdArray dst, NdArray indices, int axis, NdArray updates)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == updates.DType && updates.Shape == indices.Shape);
        Debug.Assert(dst.Shape == indices.Shape.With(axis, dst.Shape[axis]));
        if (dst.DType == DType.Bool) Throw.DTypeMismatch("scatter_add_axis", dst.DType, "a number");
        using var list = new IndexList("scatter_add_axis", indices, axis, dst.Shape[axis]);
        using var view = new AxisView(updates, axis, 1, denseInner: false);
        switch (dst.DType)
        {
            case DType.Float32: AddAlong<float>(dst, list, axis, view); break;
            case DType.Float64: AddAlong<double>(dst, list, axis, view); break;
            case DType.Int32 or DType.UInt32: AddAlong<uint>(dst, list, axis, view); break;
            case DType.UInt8: AddAlong<byte>(dst, list, axis, view); break;
            case DType.Int64 or DType.UInt64: AddAlong<ulong>(dst, list, axis, view); break;
            default: throw DTypes.Unknown(dst.DType);
        }
        GC.KeepAlive(dst);
    }

    private static void Add<T>(NdArray dst, in IndexList indices, int axis, in AxisView updates) where T : unmanaged, IAdditionOperators<T, T, T>
    {
        var blocks = (updates.Inner + Columns - 1) / Columns;
        var body = new AddBody<T>
        {
            Target = (T*)dst.Pointer,
            Size = dst.Shape[axis],
            Indices = indices.Pointer,
            Count = updates.Middle,
            Source = (T*)updates.Pointer,
            OuterStep = updates.OuterStep,
            AxisStep = updates.MiddleStep,
            Inner = updates.Inner,
            Blocks = blocks,
        };
        Pieces.Run(updates.Outer * blocks, updates.Middle * nint.Min(updates.Inner, Columns), ref body);
    }

    private static void AddAlong<T>(NdArray dst, in IndexList indices, int axis, in AxisView updates) where T : unmanaged, IAdditionOperators<T, T, T>
    {
        var body = new AddAlongBody<T>
        {
            Target = (T*)dst.Pointer,
            Size = dst.Shape[axis],
            Indices = indices.Pointer,
            Count = updates.Middle,
            Source = (T*)updates.Pointer,
            OuterStep = updates.OuterStep,
            AxisStep = updates.MiddleStep,
            InnerStep = updates.InnerStep,
            Inner = updates.Inner,
        };
        Pieces.Run(updates.Outer, updates.Middle * updates.Inner, ref body);
    }

    /// <summary>Items are the pairs (outer, block of columns): no two of them touch one element of dst.</summary>
    private struct AddBody<T> : IRangeBody where T : unmanaged, IAdditionOperators<T, T, T>
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
                var to = Target + outer * Size * Inner + column;
                var from = Source + outer * OuterStep + column;
                for (nint k = 0; k < Count; k++) AddLine(to + (nint)Indices[k] * Inner, from + k * AxisStep, width);
            }
        }

        private static void AddLine(T* to, T* from, nint count)
        {
            nint i = 0;
            for (; i <= count - Simd256<T>.Width; i += Simd256<T>.Width)
            {
                Simd256<T>.Store(to + i, Simd256<T>.Add(Simd256<T>.Load(to + i), Simd256<T>.Load(from + i)));
            }
            for (; i < count; i++) to[i] += from[i];
        }
    }

    /// <summary>Items are the outer indices: no two of them touch one element of dst.</summary>
    private struct AddAlongBody<T> : IRangeBody where T : unmanaged, IAdditionOperators<T, T, T>
    {
        public T* Target, Source;
        public long* Indices;
        public nint OuterStep, AxisStep, InnerStep, Inner, Count, Size;

        public readonly void Run(nint start, nint end)
        {
            for (var outer = start; outer < end; outer++)
            {
                var to = Target + outer * Size * Inner;
                var at = Indices + outer * Count * Inner;
                for (nint k = 0; k < Count; k++, at += Inner)
                {
                    var from = Source + outer * OuterStep + k * AxisStep;
                    for (nint i = 0; i < Inner; i++) to[(nint)at[i] * Inner + i] += from[i * InnerStep];
                }
            }
        }
    }
}
