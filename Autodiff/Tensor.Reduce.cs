using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

// Reductions. Axes may be negative (from the last); none means all. keepDims leaves reduced axes with size 1. Axis 0 or -1 of a
// scalar is that of a vector of one, and the result a scalar.
public sealed partial class Tensor
{
    /// <summary>The sum over the axes; bool, int8 and int16 are counted as int32, uint8 and uint16 as uint32; float16 and bfloat16 are rounded once.</summary>
    public Tensor Sum(ReadOnlySpan<int> axes, bool keepDims = false) =>
        Folded("sum", axes, keepDims, static (x, a) => x.Unconverted(new Sum(a), x.Summed()));

    /// <summary>The sum over one axis.</summary>
    public Tensor Sum(int axis, bool keepDims = false) => Sum([axis], keepDims);

    /// <summary>The sum of all elements.</summary>
    public Tensor Sum() => Sum([]);

    /// <summary>The arithmetic mean over the axes; NaN for none; integers give float32, float16 and bfloat16 are rounded once.</summary>
    public Tensor Mean(ReadOnlySpan<int> axes, bool keepDims = false)
    {
        if (IsHalf) return AsType(DType.Float32).Mean(axes, keepDims).AsType(DType);
        var sum = Folded("mean", axes, keepDims, static (x, a) => x.Unconverted(new Sum(a), x.DType.IsFloating() ? x.DType : DType.Float32));
        return sum.Count == 0 ? sum : sum / Scalar((double)Count / sum.Count, sum.DType);
    }

    /// <summary>The arithmetic mean over one axis.</summary>
    public Tensor Mean(int axis, bool keepDims = false) => Mean([axis], keepDims);

    /// <summary>The arithmetic mean of all elements.</summary>
    public Tensor Mean() => Mean([]);

    /// <summary>The variance Σ(x − mean)²/(n − ddof) over the axes; of float16 and bfloat16 rounded once.</summary>
    public Tensor Var(ReadOnlySpan<int> axes, bool keepDims = false, int ddof = 0)
    {
        if (IsHalf) return AsType(DType.Float32).Var(axes, keepDims, ddof).AsType(DType);
        var x = Floating();
        var sum = (x - x.Mean(axes, keepDims: true)).Square().Sum(axes, keepDims);
        return sum / Scalar(sum.Count == 0 ? 0 : Math.Max(0, (double)Count / sum.Count - ddof), sum.DType);
    }

    /// <summary>The largest element over the axes, NaN if any is, of truth values whether any is true; ties share the gradient equally.</summary>
    /// <exception cref="ArgumentException">A reduced axis has size 0.</exception>
    public Tensor Max(ReadOnlySpan<int> axes, bool keepDims = false) => Folded("max", axes, keepDims, static (x, a) =>
        x.NotEmpty("max", a).DType == DType.Bool ? Apply(new Any(a), x) : Apply(new Max(a), x));

    /// <summary>The largest element along one axis.</summary>
    public Tensor Max(int axis, bool keepDims = false) => Max([axis], keepDims);

    /// <summary>The largest element.</summary>
    public Tensor Max() => Max([]);

    /// <summary>The smallest element over the axes, NaN if any is, of truth values whether all are true; ties share the gradient equally.</summary>
    /// <exception cref="ArgumentException">A reduced axis has size 0.</exception>
    public Tensor Min(ReadOnlySpan<int> axes, bool keepDims = false) => Folded("min", axes, keepDims, static (x, a) =>
        x.NotEmpty("min", a).DType == DType.Bool ? Apply(new All(a), x) : Apply(new Min(a), x));

    /// <summary>The smallest element along one axis.</summary>
    public Tensor Min(int axis, bool keepDims = false) => Min([axis], keepDims);

    /// <summary>The smallest element.</summary>
    public Tensor Min() => Min([]);

    /// <summary>The product over the axes; 1 for none.</summary>
    public Tensor Prod(ReadOnlySpan<int> axes, bool keepDims = false) =>
        Folded("prod", axes, keepDims, static (x, a) => x.Unconverted(new Product(a), x.Summed()));

    /// <summary>The product along one axis.</summary>
    public Tensor Prod(int axis, bool keepDims = false) => Prod([axis], keepDims);

    /// <summary>The product of all elements.</summary>
    public Tensor Prod() => Prod([]);

    /// <summary>True where all elements over the axes are true (non-zero).</summary>
    public Tensor All(ReadOnlySpan<int> axes, bool keepDims = false) =>
        Folded("all", axes, keepDims, static (x, a) => x.Unconverted(new All(a), DType.Bool));

    /// <summary>True when all elements are true (non-zero).</summary>
    public Tensor All() => All([]);

    /// <summary>True where any element over the axes is true (non-zero).</summary>
    public Tensor Any(ReadOnlySpan<int> axes, bool keepDims = false) =>
        Folded("any", axes, keepDims, static (x, a) => x.Unconverted(new Any(a), DType.Bool));

    /// <summary>True when any element is true (non-zero).</summary>
    public Tensor Any() => Any([]);

    /// <summary>The index (uint32) of the largest element along an axis: the first of equals; NaN counts as largest.</summary>
    /// <exception cref="ArgumentException">The axis has size 0.</exception>
    public Tensor ArgMax(int axis = -1, bool keepDims = false) =>
        FoldedAlong("argmax", axis, keepDims, static (x, a) => Apply(new ArgReduceOp<Kernels.Max>("argmax", a), x));

    /// <summary>The index (uint32) of the smallest element along an axis: the first of equals; NaN counts as smallest.</summary>
    /// <exception cref="ArgumentException">The axis has size 0.</exception>
    public Tensor ArgMin(int axis = -1, bool keepDims = false) =>
        FoldedAlong("argmin", axis, keepDims, static (x, a) => Apply(new ArgReduceOp<Kernels.Min>("argmin", a), x));

    /// <summary>log Σ eˣ over the axes without overflow; −∞ when all are, +∞ when any is.</summary>
    /// <exception cref="ArgumentException">A reduced axis has size 0.</exception>
    public Tensor LogSumExp(ReadOnlySpan<int> axes, bool keepDims = false) => Folded("logsumexp", axes, keepDims, static (x, a) =>
    {
        var kept = x.Shape.Sizes.ToArray();
        foreach (var axis in a) kept[axis] = 1;
        var rows = x.Floating().NotEmpty("logsumexp", a).ToLast(a);
        return Apply(new LogSumExpOp(), rows).Reshape(Shape.FromOwned(kept));
    });

    /// <summary>log Σ eˣ along one axis.</summary>
    public Tensor LogSumExp(int axis, bool keepDims = false) => LogSumExp([axis], keepDims);

    /// <summary>log Σ eˣ of all elements.</summary>
    public Tensor LogSumExp() => LogSumExp([]);

    /// <summary>eˣ / Σ eˣ along an axis without overflow; NaN where all are −∞.</summary>
    public Tensor Softmax(int axis = -1) => AlongLast("softmax", axis, static x => Apply(new SoftmaxOp(), x.Floating()));

    /// <summary>x − log Σ eˣ along an axis, taken from the largest element so that large x lose no digits.</summary>
    public Tensor LogSoftmax(int axis = -1) => AlongLast("log_softmax", axis, static x => Apply(new LogSoftmaxOp(), x.Floating()));

    /// <summary>−log softmax(row)[class] for each row of this (N, C) and integer classes (N,).</summary>
    internal Tensor CrossEntropy(Tensor classes) => Apply(new CrossEntropy(), this, classes);

    private Tensor AlongLast(string name, int axis, Func<Tensor, Tensor> f) => Along(name, axis, (x, a) =>
        a == x.Rank - 1 ? f(x) : f(x.SwapAxes(a, -1)).SwapAxes(a, -1));

    private Tensor FoldedAlong(string name, int axis, bool keepDims, Func<Tensor, int, Tensor> fold) => Along(name, axis, (x, a) =>
    {
        var result = fold(x.NotEmpty(name, [a]), a);
        return keepDims || Rank == 0 ? result : result.Squeeze(a);
    });

    /// <summary>f along an axis. A scalar counts as a vector of one, so that axis 0 or −1 is its own, and gives a scalar, as in PyTorch.</summary>
    private Tensor Along(string name, int axis, Func<Tensor, int, Tensor> f)
    {
        if (Rank > 0) return f(this, Shape.Axis(axis, name));
        AxisOfScalar(name, axis);
        return f(Reshape([1]), 0).Reshape(Shape);
    }

    private void AxisOfScalar(string name, int axis)
    {
        if (axis is 0 or -1) return;
        throw new ArgumentOutOfRangeException(nameof(axis), axis, $"[{name}] axis {axis} is out of range for shape {Shape}, expected -1 or 0");
    }

    private Tensor Folded(string name, ReadOnlySpan<int> axes, bool keepDims, Func<Tensor, int[], Tensor> fold)
    {
        var reduced = Axes(name, axes);
        if (reduced.Length == 0) return fold(this, reduced);
        var result = fold(this, reduced);
        if (keepDims) return result;
        var kept = new List<int>(Rank);
        for (var i = 0; i < Rank; i++)
        {
            if (Array.IndexOf(reduced, i) < 0) kept.Add(Shape[i]);
        }
        return result.Reshape(Shape.FromOwned([.. kept]));
    }

    /// <summary>Axis numbers from 0, ascending; none given means all.</summary>
    private int[] Axes(string name, ReadOnlySpan<int> axes)
    {
        if (axes.IsEmpty) return [.. Enumerable.Range(0, Rank)];
        if (Rank == 0)
        {
            foreach (var axis in axes) AxisOfScalar(name, axis);
            if (axes.Length > 1) Throw.Argument(name, $"axes ({string.Join(", ", axes.ToArray())}) are {axes.Length} for shape {Shape}");
            return [];
        }
        var result = new int[axes.Length];
        for (var i = 0; i < axes.Length; i++) result[i] = Shape.Axis(axes[i], name);
        Array.Sort(result);
        for (var i = 1; i < result.Length; i++)
        {
            if (result[i] == result[i - 1]) Throw.Argument(name, $"axis {result[i]} appears twice for shape {Shape}");
        }
        return result;
    }

    /// <summary>The given axes moved behind the others and merged into one.</summary>
    private Tensor ToLast(int[] axes)
    {
        var kept = Enumerable.Range(0, Rank).Where(i => Array.IndexOf(axes, i) < 0).ToArray();
        if (axes.Length == 1 && axes[0] == Rank - 1) return this;
        var moved = Transpose([.. kept, .. axes]);
        return moved.Reshape([.. moved.Shape.Sizes[..kept.Length], Shape.Size("reduce", axes.Aggregate(1L, (n, i) => n * Shape[i]))]);
    }

    private Tensor NotEmpty(string name, int[] axes)
    {
        foreach (var axis in axes)
        {
            if (Shape[axis] == 0) Throw.Argument(name, $"cannot reduce axis {axis} of size 0 in shape {Shape}");
        }
        return this;
    }

    /// <summary>The type that sums and products are made in.</summary>
    private DType Summed() => DType switch
    {
        DType.Bool or DType.Int8 or DType.Int16 => DType.Int32,
        DType.UInt8 or DType.UInt16 => DType.UInt32,
        _ => DType,
    };

    /// <summary>A reduction of this tensor as another type. What would only be converted for it is converted part by part.</summary>
    private Tensor Unconverted<TReducer>(ReduceOp<TReducer> op, DType through) where TReducer : struct, Kernels.IReducer
    {
        var x = this;
        if (x is { Op: Cast, Data: null } && x.DType == through && x.Inputs[0].DType.Size() < through.Size()) x = x.Inputs[0];
        return Apply(x.DType == through ? op : op with { Through = through }, x);
    }
}
