using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Running totals along one axis, each with its own element in.</summary>
internal abstract record ScanOp<TJoin>(string Label, int Axis) : Op where TJoin : struct, F.IJoin
{
    public override string Name => Label;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Scan.Run<TJoin>(x[0], Axis, y);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);

    /// <summary>The same totals in about log₂ n elementwise steps, each joining totals twice as long: what derivatives of every order go through.</summary>
    protected Tensor InSteps(Tensor x, Func<Tensor, Tensor, Tensor> join)
    {
        var size = x.Shape[Axis];
        for (var length = 1; length < size; length *= 2)
        {
            var later = join(x.Slice(Axis, length, size - length), x.Slice(Axis, 0, size - length));
            x = Tensor.Concatenate([x.Slice(Axis, 0, length), later], Axis);
        }
        return x;
    }
}

internal sealed record CumSum(int Axis) : ScanOp<F.JoinSum>("cumsum", Axis)
{
    public override bool WidensRules => false;

    // ∂yₖ/∂xⱼ = 1 for j ≤ k: the gradient's running sum from behind.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g.CumSum(Axis, reverse: true);
}

internal sealed record CumProd(int Axis) : ScanOp<F.JoinProduct>("cumprod", Axis)
{
    // y/x would fail where a factor is zero.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Transforms.Vjp(v => InSteps(v, (a, b) => a * b), x[0], g).Gradient;
}

internal sealed record LogCumSumExp(int Axis) : ScanOp<F.JoinLogSumExp>("logcumsumexp", Axis)
{
    // e^(xⱼ − yₖ) is at most 1, but its factors may overflow.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Transforms.Vjp(v => InSteps(v, Tensor.LogAddExp), x[0], g).Gradient;
}

/// <summary>The largest so far; the gradient goes to the last of the elements that equal it, as in PyTorch.</summary>
internal sealed record CumMax(int Axis) : ScanOp<F.JoinMax>("cummax", Axis)
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => ToLastEqual(g, x[0], y, Axis);

    internal static Tensor ToLastEqual(Tensor g, Tensor x, Tensor y, int axis)
    {
        var size = x.Shape[axis];
        var places = Tensor.Arange(size).Reshape([size, .. Enumerable.Repeat(1, x.Rank - 1 - axis)]);
        var last = Tensor.Where((x == y) | x.IsNaN(), places, places.ZerosLike()).CumMax(axis);
        return Tensor.Apply(new TakeAlongGrad(axis, size), g, last);
    }
}

/// <summary>The smallest so far; the gradient goes to the last of the elements that equal it.</summary>
internal sealed record CumMin(int Axis) : ScanOp<F.JoinMin>("cummin", Axis)
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => CumMax.ToLastEqual(g, x[0], y, Axis);
}
