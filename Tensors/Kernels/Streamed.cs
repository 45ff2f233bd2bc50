using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Reductions of elements that are converted first, a part at a time: what is converted never takes more memory than a part.</summary>
internal static unsafe class Streamed
{
    /// <summary>Elements to a part, and most partial results that are kept until they are reduced.</summary>
    private const int Part = 1 << 18, MostPartials = 64;

    /// <summary>y = x reduced over the axes, which stay with size 1.</summary>
    public delegate void Reduction(NdArray x, ReadOnlySpan<int> axes, NdArray y);

    /// <summary>y = x as another type, reduced over the axes.</summary>
    /// <param name="x">Any view.</param>
    /// <param name="to">The type to convert to.</param>
    /// <param name="axes">Ascending.</param>
    /// <param name="y">Contiguous, of that type and of the input's rank.</param>
    /// <param name="reduce">A reduction whose partial results it can reduce again.</param>
    public static void Run(NdArray x, DType to, ReadOnlySpan<int> axes, NdArray y, Reduction reduce)
    {
        if (x.Count <= Part)
        {
            var wide = NdArray.Rent(x.Shape, to);
            ConvertKernel.Run(x, wide);
            reduce(wide, axes, y);
            wide.Storage.Release();
            return;
        }
        var (axis, step) = Outermost(x.Shape);
        if (axes.Contains(axis))
        {
            Accumulate(x, axis, step, to, axes, y, reduce);
            return;
        }
        for (var start = 0; start < x.Shape[axis]; start += step)
        {
            var count = Math.Min(step, x.Shape[axis] - start);
            Run(x.Slice(axis, start, count), to, axes, y.Slice(axis, start, count), reduce);
        }
    }

    /// <summary>y = the place along an axis of the extreme element, of x as another type; y is contiguous uint32.</summary>
    public static void Arg<R>(NdArray x, DType to, int axis, NdArray y) where R : IReducer
    {
        if (x.Count <= Part)
        {
            var wide = NdArray.Rent(x.Shape, to);
            ConvertKernel.Run(x, wide);
            ArgReduce.Run<R>(wide, axis, y);
            wide.Storage.Release();
            return;
        }
        var (outermost, step) = Outermost(x.Shape);
        if (outermost == axis)
        {
            ArgInParts<R>(x, step, to, axis, y);
            return;
        }
        for (var start = 0; start < x.Shape[outermost]; start += step)
        {
            var count = Math.Min(step, x.Shape[outermost] - start);
            Arg<R>(x.Slice(outermost, start, count), to, axis, y.Slice(outermost, start, count));
        }
    }

    /// <summary>The first axis of more than one element, and how many of its entries make a part.</summary>
    private static (int Axis, int Step) Outermost(Shape shape)
    {
        var axis = 0;
        while (shape[axis] == 1) axis++;
        return (axis, (int)Math.Clamp(Part / (shape.Count / shape[axis]), 1, shape[axis]));
    }

    private static void Accumulate(NdArray x, int axis, int step, DType to, ReadOnlySpan<int> axes, NdArray y, Reduction reduce)
    {
        var most = (int)Math.Clamp(Part / y.Count, 2, MostPartials);
        ReadOnlySpan<int> flat = y.Count <= int.MaxValue ? [(int)y.Count] : y.Shape.Sizes;
        var partials = NdArray.Rent([most, .. flat], to);
        var (shape, one, filled) = (y.Shape, Shape.Create([1, .. flat]), 0);
        for (var start = 0; start < x.Shape[axis]; start += step)
        {
            if (filled == most) Join();
            Run(x.Slice(axis, start, Math.Min(step, x.Shape[axis] - start)), to, axes, Row(filled++), reduce);
        }
        Join();
        partials.Storage.Release();

        // All partial results so far become the first one.
        void Join()
        {
            reduce(partials.Slice(0, 0, filled), [0], y.View(new Layout(one, Layout.RowMajor(one), y.Layout.Offset)));
            Copy.Run(y, Row(0));
            filled = 1;
        }

        NdArray Row(int i) => partials.View(new Layout(shape, Layout.RowMajor(shape), (nint)(i * shape.Count)));
    }

    private static void ArgInParts<R>(NdArray x, int step, DType to, int axis, NdArray y) where R : IReducer
    {
        var (places, values, best) = (NdArray.Rent(y.Shape, DType.UInt32), NdArray.Rent(y.Shape, to), NdArray.Rent(y.Shape, to));
        for (var start = 0; start < x.Shape[axis]; start += step)
        {
            var part = x.Slice(axis, start, Math.Min(step, x.Shape[axis] - start));
            Arg<R>(part, to, axis, places);
            Run(part, to, [axis], values, static (x, axes, y) => Reduce.Run<R>(x, axes, y));
            switch (to)
            {
                case DType.UInt8: Better<R, byte>(start, places, values, y, best); break;
                case DType.Int32: Better<R, int>(start, places, values, y, best); break;
                case DType.UInt32: Better<R, uint>(start, places, values, y, best); break;
                default: Better<R, float>(start, places, values, y, best); break;
            }
        }
        foreach (var array in (NdArray[])[places, values, best]) array.Storage.Release();
    }

    /// <summary>Takes what is better than the best so far; of equals, and of several NaN, the first stays.</summary>
    private static void Better<R, T>(int start, NdArray places, NdArray values, NdArray y, NdArray best) where R : IReducer where T : unmanaged, INumber<T>
    {
        uint* place = (uint*)places.Pointer, to = (uint*)y.Pointer;
        T* value = (T*)values.Pointer, record = (T*)best.Pointer;
        for (nint i = 0; i < y.Layout.Count; i++)
        {
            var wins = typeof(R) == typeof(Max) ? value[i] > record[i] : value[i] < record[i];
            if (start > 0 && (T.IsNaN(record[i]) || !wins && !T.IsNaN(value[i]))) continue;
            (to[i], record[i]) = (place[i] + (uint)start, value[i]);
        }
        GC.KeepAlive(places);
        GC.KeepAlive(values);
        GC.KeepAlive(best);
        GC.KeepAlive(y);
    }
}
