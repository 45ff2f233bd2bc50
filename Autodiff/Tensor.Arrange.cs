using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>What padding is filled with.</summary>
public enum PadMode
{
    /// <summary>One value.</summary>
    Constant,

    /// <summary>The nearest element.</summary>
    Edge,

    /// <summary>The elements mirrored at the first and last one, which are not repeated: c b | a b c | b a.</summary>
    Reflect,
}

// Padding, repeating, turning: compositions of views, gathers and joins.
public sealed partial class Tensor
{
    /// <summary>Larger axes: before and after each, some elements more.</summary>
    /// <param name="widths">One pair for each axis, none negative.</param>
    /// <param name="mode">What to fill with.</param>
    /// <param name="value">The value for <see cref="PadMode.Constant"/>.</param>
    /// <exception cref="ArgumentException">The pairs are not as many as the axes, one is negative, or an empty axis has no edge.</exception>
    public Tensor Pad(IReadOnlyList<(int Before, int After)> widths, PadMode mode = PadMode.Constant, double value = 0)
    {
        ArgumentNullException.ThrowIfNull(widths);
        if (widths.Count != Rank) Throw.Argument("pad", $"{widths.Count} pairs of widths given for shape {Shape}, expected {Rank}");
        var sizes = Shape.Sizes.ToArray();
        for (var axis = 0; axis < Rank; axis++)
        {
            var (before, after) = widths[axis];
            if (before < 0 || after < 0) Throw.Argument("pad", $"widths ({before}, {after}) of axis {axis} are negative; cut with a range instead");
            if (mode != PadMode.Constant && sizes[axis] == 0 && (before > 0 || after > 0)) Throw.Argument("pad", $"axis {axis} of shape {Shape} is empty and has nothing to repeat");
            sizes[axis] = Shape.Size("pad", (long)before + sizes[axis] + after);
        }
        if (mode == PadMode.Constant)
        {
            var steps = Enumerable.Repeat(1, Rank).ToArray();
            return Apply(new Assign(widths.Select(width => width.Before).ToArray(), steps), Full(Shape.Create(sizes), value, DType), this);
        }
        var result = this;
        for (var axis = 0; axis < Rank; axis++)
        {
            var (before, after) = widths[axis];
            if (before + after == 0) continue;
            var size = Shape[axis];
            var places = Enumerable.Range(-before, sizes[axis]).Select(i => mode == PadMode.Edge ? Math.Clamp(i, 0, size - 1) : Mirror(i, size));
            result = result.Take(From<int>([.. places]), axis);
        }
        return result;

        static int Mirror(int i, int size)
        {
            if (size == 1) return 0;
            var period = 2 * (size - 1);
            i = (i % period + period) % period;
            return Math.Min(i, period - i);
        }
    }

    /// <summary>All axes larger by width at both ends.</summary>
    public Tensor Pad(int width, PadMode mode = PadMode.Constant, double value = 0) => Pad([.. Enumerable.Repeat((width, width), Rank)], mode, value);

    /// <summary>Each element along an axis count times in a row; no axis flattens first.</summary>
    /// <exception cref="ArgumentException">count is negative.</exception>
    public Tensor Repeat(int count, int? axis = null)
    {
        if (axis is not { } one) return Flatten().Repeat(count, 0);
        if (count < 0) Throw.Argument("repeat", $"count is {count}, expected 0 or more");
        if (Rank == 0)
        {
            AxisOfScalar("repeat", one);
            return Reshape([1]).Repeat(count, 0);
        }
        one = Shape.Axis(one, "repeat");
        var size = Shape.Size("repeat", (long)Shape[one] * count);
        if (Rank == Shape.MaxRank) return Repeat([.. Enumerable.Repeat(count, Shape[one])], one);
        return ExpandDims(one + 1).BroadcastTo(Shape.Insert(one + 1, count)).Reshape(Shape.With(one, size));
    }

    /// <summary>Each element along an axis as many times as its count says.</summary>
    /// <exception cref="ArgumentException">The counts are not as many as the elements, or one is negative.</exception>
    public Tensor Repeat(IReadOnlyList<int> counts, int axis)
    {
        ArgumentNullException.ThrowIfNull(counts);
        axis = Shape.Axis(axis, "repeat");
        if (counts.Count != Shape[axis] || counts.Any(count => count < 0))
        {
            Throw.Argument("repeat", $"counts ({string.Join(", ", counts)}) for axis {axis} of shape {Shape}, expected {Shape[axis]} numbers of 0 or more");
        }
        Shape.Size("repeat", counts.Sum(count => (long)count));
        return Take(From<int>([.. counts.SelectMany((count, i) => Enumerable.Repeat(i, count))]), axis);
    }

    /// <summary>The whole tensor repeated along its axes; more counts than axes add leading ones.</summary>
    /// <exception cref="ArgumentException">A count is negative.</exception>
    public Tensor Tile(params ReadOnlySpan<int> counts)
    {
        var rank = Math.Max(Rank, counts.Length);
        if (rank > Shape.MaxRank) Throw.Argument("tile", $"{counts.Length} counts given for shape {Shape}, expected at most {Shape.MaxRank}");
        var (split, spread, merged) = (new List<int>(), new List<int>(), new int[rank]);
        for (var i = 0; i < rank; i++)
        {
            var size = i < rank - Rank ? 1 : Shape[i - (rank - Rank)];
            var count = i < rank - counts.Length ? 1 : counts[i - (rank - counts.Length)];
            if (count < 0) Throw.Argument("tile", $"count {count} of axis {i} is negative");
            if (count != 1)
            {
                split.Add(1);
                spread.Add(count);
            }
            split.Add(size);
            spread.Add(size);
            merged[i] = Shape.Size("tile", (long)count * size);
        }
        return Reshape(Shape.Create([.. split])).BroadcastTo(Shape.Create([.. spread])).Reshape(Shape.Create(merged));
    }

    /// <summary>The elements along an axis moved on by shift places, those at the end coming back at the beginning; no axis rolls the flat tensor.</summary>
    public Tensor Roll(int shift, int? axis = null)
    {
        if (axis is not { } one) return Flatten().Roll(shift, 0).Reshape(Shape);
        if (Rank == 0) return Along("roll", one, static (x, _) => x);
        one = Shape.Axis(one, "roll");
        var size = Shape[one];
        if (size == 0) return this;
        var moved = (int)(((long)shift % size + size) % size);
        return moved == 0 ? this : Concatenate([Slice(one, size - moved, moved), Slice(one, 0, size - moved)], one);
    }

    /// <summary>Several axes rolled, each by its own shift.</summary>
    /// <exception cref="ArgumentException">Shifts and axes differ in number.</exception>
    public Tensor Roll(ReadOnlySpan<int> shifts, ReadOnlySpan<int> axes)
    {
        if (shifts.Length != axes.Length) Throw.Argument("roll", $"{shifts.Length} shifts given for {axes.Length} axes");
        var result = this;
        for (var i = 0; i < axes.Length; i++) result = result.Roll(shifts[i], axes[i]);
        return result;
    }

    /// <summary>The elements along the axes in reverse order; none given means all.</summary>
    public Tensor Flip(params ReadOnlySpan<int> axes)
    {
        var result = this;
        foreach (var axis in Axes("flip", axes)) result = result.Flip(axis);
        return result;
    }

    /// <summary>One axis split into several; one size may be −1 and is inferred.</summary>
    /// <exception cref="ArgumentException">The sizes do not multiply to the axis' size.</exception>
    public Tensor Unflatten(int axis, params ReadOnlySpan<int> sizes)
    {
        axis = Shape.Axis(axis, "unflatten");
        var inner = sizes.ToArray();
        var inferred = Array.IndexOf(inner, -1);
        var others = inner.Where((_, i) => i != inferred).Aggregate(1L, (n, size) => n * size);
        if (inferred >= 0 && others > 0) inner[inferred] = (int)(Shape[axis] / others);
        if (inner.Length == 0 || inner.Min() < 0 || inner.Aggregate(1L, (n, size) => n * size) != Shape[axis])
        {
            Throw.Argument("unflatten", $"axis {axis} of shape {Shape} does not split into ({string.Join(", ", sizes.ToArray())})");
        }
        return Reshape([.. Shape.Sizes[..axis], .. inner, .. Shape.Sizes[(axis + 1)..]]);
    }

    /// <summary>The entries along an axis, which disappears: the opposite of <see cref="Stack"/>.</summary>
    public Tensor[] Unstack(int axis = 0)
    {
        axis = Shape.Axis(axis, "unstack");
        return [.. Enumerable.Range(0, Shape[axis]).Select(i => Slice(axis, i, 1).Squeeze(axis))];
    }

    /// <summary>At least one axis: a scalar becomes (1,).</summary>
    public Tensor AtLeast1d() => Rank == 0 ? Reshape([1]) : this;

    /// <summary>At least two axes: (n,) becomes (1, n).</summary>
    public Tensor AtLeast2d() => Rank < 2 ? AtLeast1d().ExpandDims(0) : this;

    /// <summary>At least three axes: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1).</summary>
    public Tensor AtLeast3d() => Rank < 3 ? AtLeast2d().ExpandDims(2) : this;

    /// <summary>The shape that all broadcast to.</summary>
    /// <exception cref="ArgumentException">They cannot be broadcast.</exception>
    public static Shape BroadcastShapes(params ReadOnlySpan<Shape> shapes)
    {
        Shape common = [];
        foreach (var shape in shapes) common = Shape.Broadcast(common, shape, "broadcast_shapes");
        return common;
    }

    /// <summary>The tensors stretched to one shape.</summary>
    /// <exception cref="ArgumentException">They cannot be broadcast.</exception>
    public static Tensor[] BroadcastArrays(params ReadOnlySpan<Tensor> tensors)
    {
        Shape common = [];
        foreach (var tensor in tensors) common = Shape.Broadcast(common, tensor.Shape, "broadcast_arrays");
        return Array.ConvertAll(tensors.ToArray(), tensor => tensor.BroadcastTo(common));
    }

    /// <summary>The elements in memory of their own, row-major without gaps; a copy when computed.</summary>
    public Tensor Contiguous() => Apply(new Duplicate(), this);

    /// <summary>The same bytes read as another type. An axis of elements of another size is longer or shorter by that; no gradient flows.</summary>
    /// <exception cref="ArgumentException">The last axis is no whole number of such elements, or numbers are to be read as bool.</exception>
    public Tensor View(DType dtype) => dtype == DType ? this : Apply(new Bitcast(dtype), this);

    /// <summary>All elements equal to a value, of this tensor's shape, and of its type if no other is given.</summary>
    public Tensor FullLike(double value, DType? dtype = null) => Full(Shape, value, dtype ?? DType);

    /// <summary>A tensor of this one's shape and type for values to come. Its elements are 0, since nothing is ever read unset.</summary>
    public Tensor EmptyLike() => ZerosLike();

    /// <summary>A tensor for values to come. Its elements are 0, since nothing is ever read unset.</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.Float32) => Zeros(shape, dtype);
}
