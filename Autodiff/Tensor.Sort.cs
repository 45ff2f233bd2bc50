using ManagedFed.Ops;

namespace ManagedFed;

// Order along an axis: stable, −0 equal to 0, NaN last (largest) as in NumPy. Gradients follow the elements to where they came from.
public sealed partial class Tensor
{
    /// <summary>The elements along an axis in ascending order.</summary>
    public Tensor Sort(int axis = -1) => Gathered("sort", axis, static (x, a) => x.ArgSort(a));

    /// <summary>The indices (uint32) that sort an axis in ascending order; equal elements keep their order.</summary>
    public Tensor ArgSort(int axis = -1) => Along("argsort", axis, static (x, a) => Apply(new ArgSort(a, Descending: false, x.Shape[a]), x));

    /// <summary>The k largest elements along an axis, the largest first, and their indices (uint32); the first of equals first.</summary>
    /// <remarks>As PyTorch and JAX order them, and NaN first with them; MLX leaves the order open.</remarks>
    /// <exception cref="ArgumentException">k lies outside 0 … the axis' size.</exception>
    public (Tensor Values, Tensor Indices) TopK(int k, int axis = -1)
    {
        if (Rank == 0)
        {
            AxisOfScalar("topk", axis);
            var (values, places) = Reshape([1]).TopK(k, 0);
            return k == 1 ? (values.Reshape(Shape), places.Reshape(Shape)) : (values, places);
        }
        axis = Shape.Axis(axis, "topk");
        if (k < 0 || k > Shape[axis]) Throw.Argument("topk", $"k is {k}, expected 0..{Shape[axis]} for axis {axis} of shape {Shape}");
        var indices = Apply(new ArgSort(axis, Descending: true, k), this);
        return (Apply(new TakeAlong(axis), this, indices), indices);
    }

    /// <summary>The elements along an axis so that element <paramref name="kth"/> is the one that sorting would put there, none before it is larger, and none behind it smaller.</summary>
    /// <param name="kth">Negative counts from the end.</param>
    /// <param name="axis">The axis.</param>
    /// <exception cref="ArgumentException">kth lies outside the axis.</exception>
    public Tensor Partition(int kth, int axis = -1) => Gathered("partition", axis, (x, a) => x.ArgPartition(kth, a));

    /// <summary>The indices (uint32) of <see cref="Partition"/>.</summary>
    /// <exception cref="ArgumentException">kth lies outside the axis.</exception>
    public Tensor ArgPartition(int kth, int axis = -1) => Along("argpartition", axis, (x, a) =>
    {
        var size = x.Shape[a];
        if (kth < -size || kth >= size) Throw.Argument("argpartition", $"element {kth} is out of range for axis {a} of shape {x.Shape}, expected {-size}..{size - 1}");
        return Apply(new ArgPartition(a, kth < 0 ? kth + size : kth), x);
    });

    /// <summary>For each value the place (uint32) in this ascending tensor before which it would keep the order.</summary>
    /// <remarks>This is (n,), or (…, n) with the leading axes of values (…, m), row by row as in PyTorch. Not checked to be ascending.</remarks>
    /// <param name="values">What to look for.</param>
    /// <param name="right">Takes the place behind equal elements instead of before them.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public Tensor SearchSorted(Tensor values, bool right = false)
    {
        var (sorted, wanted) = Promote(this, values);
        return Apply(new SearchSorted(right), sorted, wanted);
    }

    /// <summary>The middle element over the axes, the mean of the two middle ones of an even number; NaN if any is, or for none.</summary>
    /// <remarks>Integers give float32. Of an even number both middle elements take half of the gradient.</remarks>
    public Tensor Median(ReadOnlySpan<int> axes, bool keepDims = false) => Folded("median", axes, keepDims, static (x, a) =>
    {
        var kept = x.Shape.Sizes.ToArray();
        foreach (var axis in a) kept[axis] = 1;
        var rows = x.Floating();
        rows = a.Length == 0 ? rows.ExpandDims(-1) : rows.ToLast(a);
        var size = rows.Shape[-1];
        if (size == 0) return Full(Shape.FromOwned(kept), double.NaN, rows.DType);
        var sorted = rows.Sort();
        var middle = sorted.Slice(-1, (size - 1) / 2, 1);
        if (size % 2 == 0) middle = InWide(middle, sorted.Slice(-1, size / 2, 1), Halfway);

        // NaN is sorted to the end.
        var last = sorted.Slice(-1, size - 1, 1);
        return Where(last.IsNaN(), last, middle).Reshape(Shape.FromOwned(kept));
    });

    /// <summary>The median along one axis.</summary>
    public Tensor Median(int axis, bool keepDims = false) => Median([axis], keepDims);

    /// <summary>The median of all elements.</summary>
    public Tensor Median() => Median([]);

    /// <summary>(a + b)/2, which is finite where both are.</summary>
    private static Tensor Halfway(Tensor a, Tensor b)
    {
        var large = DTypes.FInfo(a.DType).Max / 2;
        return Where((a.Abs() > large) | (b.Abs() > large), a * 0.5 + b * 0.5, (a + b) * 0.5);
    }

    private Tensor Gathered(string name, int axis, Func<Tensor, int, Tensor> order) =>
        Along(name, axis, (x, a) => Apply(new TakeAlong(a), x, order(x, a)));
}
