using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Reductions over any axes of any view.</summary>
internal static unsafe class Reduce
{
    /// <summary>dst = x reduced over the axes; dst is contiguous and holds the kept elements in order.</summary>
    /// <remarks>
    /// All and Any take bool, the others every number type; the caller widens where a sum of small integers shall not wrap.
    /// Results do not depend on the number of threads. A sum of floats may differ in its last bits between vector widths.
    /// </remarks>
    /// <exception cref="ArgumentException">A reduction without a result for no elements meets an axis of size 0, or the type does not fit.</exception>
    public static void Run<R>(NdArray x, ReadOnlySpan<int> axes, NdArray dst) where R : IReducer => Run<R>(x, axes, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run<R>(NdArray x, ReadOnlySpan<int> axes, NdArray dst, SimdWidth width) where R : IReducer
    {
        Debug.Assert(dst.IsContiguous && dst.DType == x.DType);
        if (x.DType == DType.Bool != R.IsLogical) Throw.DTypeMismatch(R.Name, x.DType, R.IsLogical ? "bool" : "a number");
        if (!R.HasEmptyResult)
        {
            foreach (var axis in axes)
            {
                if (x.Shape[axis] == 0) Throw.EmptyReduction(R.Name, axis);
            }
        }
        if (LastRun(x, axes) is { } last)
        {
            // Runs of axes one after the other, from the innermost: what lies dense stays dense.
            var sizes = x.Shape.Sizes.ToArray();
            foreach (var axis in axes[last..]) sizes[axis] = 1;
            var partial = NdArray.Rent(Shape.FromOwned(sizes), x.DType);
            Run<R>(x, axes[last..], partial, width);
            Run<R>(partial, axes[..last], dst, width);
            partial.Storage.Release();
            return;
        }
        if (dst.Count != 0)
        {
            switch (x.DType)
            {
                case DType.Bool or DType.UInt8: Run<R, byte>(x, axes, dst, width); break;
                case DType.Int32: Run<R, int>(x, axes, dst, width); break;
                case DType.UInt32: Run<R, uint>(x, axes, dst, width); break;
                case DType.Int64: Run<R, long>(x, axes, dst, width); break;
                case DType.UInt64: Run<R, ulong>(x, axes, dst, width); break;
                case DType.Float32: Run<R, float>(x, axes, dst, width); break;
                case DType.Float64: Run<R, double>(x, axes, dst, width); break;
                default: throw DTypes.Unknown(x.DType);
            }
        }
        GC.KeepAlive(x);
        GC.KeepAlive(dst);
    }

    /// <summary>Where in the list of axes the last run of neighbours begins, when kept axes lie between it and others; else null.</summary>
    private static int? LastRun(NdArray x, ReadOnlySpan<int> axes)
    {
        for (var i = axes.Length - 1; i > 0; i--)
        {
            for (var axis = axes[i - 1] + 1; axis < axes[i]; axis++)
            {
                if (x.Shape[axis] != 1) return i;
            }
        }
        return null;
    }

    [SkipLocalsInit]
    private static void Run<R, T>(NdArray x, ReadOnlySpan<int> axes, NdArray dst, SimdWidth width)
        where R : IReducer where T : unmanaged, INumber<T>
    {
        if (x.Count == 0)
        {
            FillKernel.Fill((T*)dst.Pointer, R.Identity<T>(), dst.Layout.Count);
            return;
        }
        Split(x.Layout, axes, out var kept, out var reduced);
        if (reduced.Count == 0)
        {
            // Only axes of size 1 go.
            var all = new Layout(x.Shape);
            Copy.Run(x, dst.View(new(x.Shape, all.Strides, dst.Layout.Offset)));
            return;
        }
        var along = reduced.Remove(reduced.Count - 1);
        var columns = kept.Count == 0 || along.First == 1 ? default : kept[kept.Count - 1];
        var inColumns = columns is { First: 1, Second: 1 } && columns.Size >= Vector128<T>.Count;
        if (reduced.Count > 0 || along.First != 1 && !inColumns)
        {
            InSteps<R>(x.Layout.Offset, x, kept, reduced, along, dst, width);
            return;
        }
        if (inColumns) kept.Remove(kept.Count - 1);
        var job = new ReduceJob<T>((T*)x.Pointer, kept, along.Size, along.First, inColumns ? columns.Size : 1, (T*)dst.Pointer);
        job.Run<R>(width);
    }

    /// <summary>The kept axes, paired with the strides of the result, and the reduced axes, innermost last.</summary>
    [SkipLocalsInit]
    private static void Split(Layout x, ReadOnlySpan<int> axes, out AxisPair kept, out AxisPair reduced)
    {
        kept = new();
        reduced = new();
        nint step = 1;
        for (var i = x.Shape.Rank - 1; i >= 0; i--)
        {
            if (axes.Contains(i))
            {
                reduced.Add(x.Shape[i], x.Strides[i], x.Strides[i]);
                continue;
            }
            kept.Add(x.Shape[i], x.Strides[i], step);
            step *= x.Shape[i];
        }
        kept.Merge();
        reduced.Merge();
    }

    /// <summary>
    /// Reduces several runs of axes one run after the other, and a run that neither loop can walk as a copy of it:
    /// the view is laid out with the kept axes first.
    /// </summary>
    private static void InSteps<R>(nint offset, NdArray x, AxisPair kept, AxisPair reduced, AxisPair.Axis along, NdArray dst, SimdWidth width)
        where R : IReducer
    {
        var rank = kept.Count + reduced.Count;
        var sizes = new int[rank + 1];
        var strides = new nint[rank + 1];
        for (var i = 0; i <= rank; i++)
        {
            var axis = i < kept.Count ? kept[i] : i < rank ? reduced[i - kept.Count] : along;
            (sizes[i], strides[i]) = (Shape.Size(R.Name, axis.Size), axis.First);
        }
        var ordered = x.View(new(Shape.FromOwned(sizes), strides, offset));
        if (reduced.Count == 0)
        {
            var dense = Copy.Dense(ordered);
            Run<R>(dense, [rank], dst, width);
            dense.Storage.Release();
            return;
        }
        var partial = NdArray.Rent(ordered.Shape.Remove(rank), x.DType);
        Run<R>(ordered, [rank], partial, width);
        Run<R>(partial, [.. Enumerable.Range(kept.Count, reduced.Count)], dst, width);
        partial.Storage.Release();
    }
}
