using System.Text;
using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>y = f(x) element by element, of x's shape and type.</summary>
internal abstract record MapOp<TFormula>(string Label) : Op where TFormula : struct, F.IUnary
{
    public override string Name => Label;

    // The name says it all.
    protected override bool PrintMembers(StringBuilder builder) => false;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override bool RunsInPlace => true;

    public override F.ElementLoop? Loop(ReadOnlySpan<Tensor> x) => F.Map.Loop<TFormula>(x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Map.Run<TFormula>(x[0], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Gradient(g, x[0], y);

    protected abstract Tensor? Gradient(Tensor g, Tensor x, Tensor y);
}

internal sealed record Negative() : MapOp<F.Negative>("negative")
{
    public override bool WidensRules => false;

    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => -g;
}

internal sealed record Abs() : MapOp<F.Abs>("abs")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, x.Sign());
}

internal sealed record Square() : MapOp<F.Square>("square")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * (x * 2);
}

internal sealed record Sqrt() : MapOp<F.Sqrt>("sqrt")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g, y * 2);
}

internal sealed record Rsqrt() : MapOp<F.Rsqrt>("rsqrt")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, y * -0.5 * y * y);
}

internal sealed record Reciprocal() : MapOp<F.Reciprocal>("reciprocal")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, -y.Square());
}

internal sealed record Exp() : MapOp<F.Exp>("exp")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, y);
}

internal sealed record Expm1() : MapOp<F.Expm1>("expm1")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, y + 1);
}

internal sealed record Log() : MapOp<F.Log>("log")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g, x);
}

internal sealed record Log1p() : MapOp<F.Log1p>("log1p")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g, x + 1);
}

internal sealed record Log2() : MapOp<F.Log2>("log2")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g * (1 / Math.Log(2)), x);
}

internal sealed record Log10() : MapOp<F.Log10>("log10")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g * (1 / Math.Log(10)), x);
}

internal sealed record Sin() : MapOp<F.Sin>("sin")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, x.Cos());
}

internal sealed record Cos() : MapOp<F.Cos>("cos")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, -x.Sin());
}

internal sealed record Tanh() : MapOp<F.Tanh>("tanh"), IAfterProduct
{
    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThen<F.Tanh>(product[0], product[1], product.Length == 3 ? product[2] : null, y);

    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => Tensor.Apply(new TanhGrad(), g, y);
}

internal sealed record Sigmoid() : MapOp<F.Sigmoid>("sigmoid"), IAfterProduct
{
    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThen<F.Sigmoid>(product[0], product[1], product.Length == 3 ? product[2] : null, y);

    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => Tensor.Apply(new SigmoidGrad(), g, y);
}

/// <summary>erf′(x) = 2/√π · e^(−x²).</summary>
internal sealed record Erf() : MapOp<F.Erf>("erf")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, (-x.Square()).Exp() * (2 / Math.Sqrt(Math.PI)));
}

/// <summary>max(x, 0); relu′(0) = 0.</summary>
internal sealed record Relu() : MapOp<F.Relu>("relu"), IAfterProduct
{
    public override bool WidensRules => false;

    public void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y) => F.Gemm.RunThen<F.Relu>(product[0], product[1], product.Length == 3 ? product[2] : null, y);

    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => Tensor.Apply(new ReluGrad(), g, y);
}

internal sealed record Sign() : MapOp<F.Sign>("sign")
{
    public override bool WidensRules => false;

    protected override Tensor? Gradient(Tensor g, Tensor x, Tensor y) => null;
}

internal sealed record Floor() : MapOp<F.Floor>("floor")
{
    public override bool WidensRules => false;

    protected override Tensor? Gradient(Tensor g, Tensor x, Tensor y) => null;
}

internal sealed record Ceiling() : MapOp<F.Ceiling>("ceil")
{
    public override bool WidensRules => false;

    protected override Tensor? Gradient(Tensor g, Tensor x, Tensor y) => null;
}

internal sealed record Round() : MapOp<F.Round>("round")
{
    public override bool WidensRules => false;

    protected override Tensor? Gradient(Tensor g, Tensor x, Tensor y) => null;
}

/// <summary>erf⁻¹; its derivative is √π/2 · e^(y²).</summary>
internal sealed record ErfInv() : MapOp<F.ErfInv>("erfinv")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, y.Square().Exp() * (Math.Sqrt(Math.PI) / 2));
}
