using System.Text;
using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>y = f(a, b) element by element over the broadcast shape; both inputs have one type.</summary>
internal abstract record ZipOp<TFormula>(string Label) : Op where TFormula : struct, F.IBinary
{
    public override string Name => Label;

    // The name says it all.
    protected override bool PrintMembers(StringBuilder builder) => false;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Shape.Broadcast(x[0].Shape, x[1].Shape, Label), x[0].DType);

    public override bool RunsInPlace => true;

    public override NdArray Operand(int i, NdArray x, Shape output) => Stretch(x, output);

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.Zip.Loop<TFormula>(x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Zip.Run<TFormula>(x[0], x[1], y);
}

internal sealed record Add() : ZipOp<F.Add>("add")
{
    public override bool WidensRules => false;

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;
}

internal sealed record Subtract() : ZipOp<F.Subtract>("subtract")
{
    public override bool WidensRules => false;

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0 ? g : -g;
}

internal sealed record Multiply() : ZipOp<F.Multiply>("multiply")
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g * x[1 - i];
}

internal sealed record Divide() : ZipOp<F.Divide>("divide")
{
    // y = a/b: ∂y/∂a = 1/b, ∂y/∂b = −a/b² = −y/b.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? ZeroQuotient.Of(g, x[1]) : ZeroProduct.Of(g, -(y / x[1]));
}

internal sealed record FloorDivide() : ZipOp<F.FloorDivide>("floor_divide")
{
    public override bool WidensRules => false;

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

internal sealed record Remainder() : ZipOp<F.Remainder>("remainder")
{
    // a % b = a − b·⌊a/b⌋ with the quotient locally constant.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0 ? g : ZeroProduct.Of(g, -x[0].FloorDivide(x[1]));
}

/// <summary>aᵇ; the gradients at a = 0 are those of the field (0 for the base at 0⁰), where MLX gives NaN.</summary>
internal sealed record Power() : ZipOp<F.Power>("power")
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        // 0⁰ apart, b·aᵇ⁻¹ and aᵇ·ln a are 0 where one factor is.
        var (a, b) = (x[0], x[1]);
        var isFlat = (a == 0.0) & (b == 0.0);
        var derivative = i == 0 ? ZeroProduct.Of(b, a.Power(b - 1)) : ZeroProduct.Of(y, a.Log());
        return ZeroProduct.Of(g, Tensor.Where(isFlat, derivative.ZerosLike(), derivative));
    }
}

/// <summary>max(a, b), NaN if either is; a tie shares the gradient equally, or gives a nothing where b is a number.</summary>
internal sealed record Maximum(bool OfNumber = false) : ZipOp<F.Maximum>("maximum")
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Share(g, x[i] > x[1 - i], x[0] == x[1], OfNumber);

    internal static Tensor Share(Tensor g, Tensor wins, Tensor ties, bool ofNumber)
    {
        var none = g.ZerosLike();
        return Tensor.Where(wins, g, ofNumber ? none : Tensor.Where(ties, g * 0.5, none));
    }
}

/// <summary>min(a, b), NaN if either is; a tie shares the gradient equally, or gives a nothing where b is a number.</summary>
internal sealed record Minimum(bool OfNumber = false) : ZipOp<F.Minimum>("minimum")
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Maximum.Share(g, x[i] < x[1 - i], x[0] == x[1], OfNumber);
}

/// <summary>log(eᵃ + eᵇ) without overflow.</summary>
internal sealed record LogAddExp() : ZipOp<F.LogAddExp>("logaddexp")
{
    // ∂y/∂a = eᵃ/(eᵃ+eᵇ) = σ(a−b); equal infinities, which have no difference, share as equal numbers do.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var isEdge = x[0].IsInfinity() & (x[0] == x[1]);
        return ZeroProduct.Of(g, Tensor.Where(isEdge, g.ZerosLike(), x[i] - x[1 - i]).Sigmoid());
    }
}

/// <summary>g·(1 − y²), the derivative of y = tanh x.</summary>
internal sealed record TanhGrad() : ZipOp<F.TanhGrad>("tanh_grad"), IAfterProduct
{
    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThenWith<F.TanhGrad>(product[0], product[1], other!, y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(this, g, x[1]) : g * x[0] * (x[1] * -2);
}

/// <summary>g·y·(1 − y), the derivative of y = σ(x).</summary>
internal sealed record SigmoidGrad() : ZipOp<F.SigmoidGrad>("sigmoid_grad"), IAfterProduct
{
    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThenWith<F.SigmoidGrad>(product[0], product[1], other!, y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(this, g, x[1]) : g * x[0] * (1 - x[1] * 2);
}

/// <summary>g where y > 0, else 0: the derivative of y = max(x, 0), which is positive where x is.</summary>
internal sealed record ReluGrad() : ZipOp<F.ReluGrad>("relu_grad"), IAfterProduct
{
    public override bool WidensRules => false;

    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThenWith<F.ReluGrad>(product[0], product[1], other!, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(this, g, x[1]) : null;
}

/// <summary>A truth value for each pair of elements.</summary>
internal sealed record CompareOp<TFormula>(string Label) : Op where TFormula : struct, F.IRelation
{
    public override string Name => Label;

    // The name says it all.
    protected override bool PrintMembers(StringBuilder builder) => false;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Shape.Broadcast(x[0].Shape, x[1].Shape, Label), DType.Bool);

    public override NdArray Operand(int i, NdArray x, Shape output) => Stretch(x, output);

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.Compare.Loop<TFormula>(x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Compare.Run<TFormula>(x[0], x[1], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

/// <summary>A truth value for each element.</summary>
internal sealed record TestOp<TFormula>(string Label) : Op where TFormula : struct, F.IPredicate
{
    public override string Name => Label;

    // The name says it all.
    protected override bool PrintMembers(StringBuilder builder) => false;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, DType.Bool);

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.Test.Loop<TFormula>(x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Test.Run<TFormula>(x[0], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

/// <summary>condition ? a : b element by element.</summary>
internal sealed record SelectOp : Op
{
    public override bool WidensRules => false;

    public override string Name => "where";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) =>
        (Shape.Broadcast(x[0].Shape, Shape.Broadcast(x[1].Shape, x[2].Shape, Name), Name), x[1].DType);

    public override NdArray Operand(int i, NdArray x, Shape output) => Stretch(x, output);

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.Select.Loop(x[1].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Select.Run(x[0], x[1], x[2], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        1 => Tensor.Where(x[0], g, g.ZerosLike()),
        2 => Tensor.Where(x[0], g.ZerosLike(), g),
        _ => null,
    };
}

/// <summary>The same values in another element type.</summary>
internal sealed record Cast(DType To) : Op
{
    public override bool WidensRules => false;

    public override string Name => "astype";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, To);

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.ConvertKernel.Loop(x[0].DType, To);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.ConvertKernel.Run(x[0], y);

    // The walk casts the gradient back to the input's type.
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        To.IsFloating() && x[0].DType.IsFloating() ? g : null;
}
