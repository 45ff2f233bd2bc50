using System.Text;
using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>A reduction of a type that has no loops of its own, or that the result shall not have.</summary>
internal static class Widened
{
    /// <summary>y = x as a wider type, reduced part by part, and rounded once to the type of y.</summary>
    public static void Run(NdArray x, DType wide, ReadOnlySpan<int> axes, NdArray y, F.Streamed.Reduction reduce)
    {
        var result = y.DType == wide ? y : NdArray.Rent(y.Shape, wide);
        F.Streamed.Run(x, wide, axes, result, reduce);
        if (result == y) return;
        F.ConvertKernel.Run(result, y);
        result.Storage.Release();
    }
}

/// <summary>Folds some axes to size 1. Dropping those axes is a reshape that follows.</summary>
/// <param name="Label">The name in messages.</param>
/// <param name="Axes">Axis numbers from 0, ascending.</param>
internal abstract record ReduceOp<TReducer>(string Label, Axes Axes) : Op, IFold where TReducer : struct, F.IReducer
{
    public override string Name => Label;

    protected override bool PrintMembers(StringBuilder builder)
    {
        builder.Append($"Axes = {Axes}");
        return true;
    }

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = x[0].Shape.Sizes.ToArray();
        foreach (var axis in Axes) sizes[axis] = 1;
        return (Shape.FromOwned(sizes), Through ?? x[0].DType);
    }

    public override bool TakesNarrow => true;

    /// <summary>The type that the elements are converted to, part by part, before they are reduced; null for their own.</summary>
    public DType? Through { get; init; }

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        var wide = (Through ?? x[0].DType).Wide();
        if (x[0].DType == wide) F.Reduce.Run<TReducer>(x[0], Axes, y);
        else Widened.Run(x[0], wide, Axes, y, static (x, axes, y) => F.Reduce.Run<TReducer>(x, axes, y));
    }

    public bool FoldsRows(Shape shape, DType dtype)
    {
        if (Through is { } wide && dtype != wide || Axes.Length == 0 || shape.Count == 0 || dtype.Size() < 4) return false;
        for (var axis = Axes[0]; axis < shape.Rank; axis++)
        {
            if (shape[axis] != 1 && !((ReadOnlySpan<int>)Axes).Contains(axis)) return false;
        }
        return true;
    }

    public void Fold(F.FusedChain chain, NdArray y) => chain.Reduce<TReducer>((nint)y.Count, y);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axes = Axes.Shifted() }, x);
}

internal sealed record Sum(Axes Axes) : ReduceOp<F.Sum>("sum", Axes)
{
    public override bool WidensRules => false;

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => x[0].DType.IsFloating() ? g.BroadcastTo(x[0].Shape) : null;
}

/// <summary>The largest element; elements that tie share the gradient equally.</summary>
internal sealed record Max(Axes Axes) : ReduceOp<F.Max>("max", Axes)
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => ShareTies(g, x[0], y, Axes);

    // Counted in integers, which are exact. Where the result is NaN, so is the gradient.
    internal static Tensor ShareTies(Tensor g, Tensor x, Tensor y, Axes axes)
    {
        var ties = x == y;
        var counts = ties.AsType(x.Count > int.MaxValue ? DType.Int64 : DType.Int32).Sum(axes, keepDims: true);
        var none = Tensor.Where(y.IsNaN(), ZeroProduct.Of(g, y), g.ZerosLike());
        return Tensor.Where(ties, g / counts.AsType(g.DType), none);
    }
}

/// <summary>The smallest element; elements that tie share the gradient equally.</summary>
internal sealed record Min(Axes Axes) : ReduceOp<F.Min>("min", Axes)
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Max.ShareTies(g, x[0], y, Axes);
}

internal sealed record Product(Axes Axes) : ReduceOp<F.Product>("prod", Axes)
{
    // A tree of pairwise products has exact derivatives of every order where factors are zero; y/x has not.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (x[0].Count == 0) return x[0].ZerosLike();
        var axes = Axes;
        if (x[0].Count == 0) return x[0].ZerosLike();
        return Transforms.Vjp(v => Tree(v, axes), x[0].AsType(g.DType), g).Gradient;
    }

    private static Tensor Tree(Tensor x, Axes axes)
    {
        foreach (var axis in axes)
        {
            while (x.Shape[axis] > 1)
            {
                var pairs = x.Shape[axis] / 2;
                var product = x.Slice(axis, 0, pairs) * x.Slice(axis, pairs, pairs);
                x = x.Shape[axis] % 2 == 0 ? product : Tensor.Concatenate([product, x.Slice(axis, 2 * pairs, 1)], axis);
            }
        }
        return x;
    }
}

internal sealed record All(Axes Axes) : ReduceOp<F.All>("all", Axes)
{
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

internal sealed record Any(Axes Axes) : ReduceOp<F.Any>("any", Axes)
{
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

/// <summary>The index of an extreme element along one axis, which becomes size 1.</summary>
internal sealed record ArgReduceOp<TReducer>(string Label, int Axis) : Op where TReducer : struct, F.IReducer
{
    public override string Name => Label;

    protected override bool PrintMembers(StringBuilder builder)
    {
        builder.Append($"Axis = {Axis}");
        return true;
    }

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, 1), DType.UInt32);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        var (from, to) = (x[0].DType, x[0].DType == DType.Bool ? DType.UInt8 : x[0].DType.Wide());
        if (from != to || to == DType.UInt8) F.Streamed.Arg<TReducer>(x[0], to, Axis, y);
        else F.ArgReduce.Run<TReducer>(x[0], Axis, y);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>log Σ eˣ along the last axis, which becomes size 1.</summary>
internal sealed record LogSumExpOp : Op
{
    public override string Name => "logsumexp";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(x[0].Rank - 1, 1), x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        if (!x[0].DType.IsNarrow()) F.LogSumExp.Run(x[0], y);
        else Widened.Run(x[0], DType.Float32, [x[0].Shape.Rank - 1], y, static (x, axes, y) => F.LogSumExp.Run(Last(x, axes[0]), y));

        // Partial results lie along the first axis.
        static NdArray Last(NdArray x, int axis) =>
            axis == x.Shape.Rank - 1 ? x : x.Transpose([.. Enumerable.Range(1, x.Shape.Rank - 1), 0]);
    }

    // Where the result is infinite, the elements that equal it share as equal numbers do.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var edge = Tensor.Where(x[0] == y, x[0].ZerosLike(), x[0].FullLike(double.NegativeInfinity));
        return ZeroProduct.Of(g, Tensor.Where(y.IsInfinity(), edge, x[0]).Softmax());
    }

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}

/// <summary>eˣ / Σ eˣ along the last axis.</summary>
internal sealed record SoftmaxOp : Op
{
    public override string Name => "softmax";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Softmax.Run(x[0], y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Tensor.Apply(new SoftmaxGradOp(), g, y);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}

/// <summary>y·(g − Σ g·y) along the last axis, the gradient of y = softmax(x), since ∂yⱼ/∂xᵢ = yⱼ(δᵢⱼ − yᵢ). Inputs: g, y.</summary>
internal sealed record SoftmaxGradOp : Op
{
    public override string Name => "softmax_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.SoftmaxGrad.Run(x[0], x[1], y);

    // With the cotangent h: ∂g = y·(h − Σ h·y), the same formula; ∂y = h·(g − Σ g·y) − g·Σ h·y.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0
        ? Tensor.Apply(this, g, x[1])
        : g * (x[0] - (x[0] * x[1]).Sum(-1, keepDims: true)) - x[0] * (g * x[1]).Sum(-1, keepDims: true);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, Batching.Stretch(x, batched, size));
}
