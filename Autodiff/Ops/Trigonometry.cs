using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

internal sealed record Tan() : MapOp<F.Tan>("tan")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, y.Square() + 1);
}

internal sealed record Sinh() : MapOp<F.Sinh>("sinh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, x.Cosh());
}

internal sealed record Cosh() : MapOp<F.Cosh>("cosh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, x.Sinh());
}

internal sealed record ArcSin() : MapOp<F.ArcSin>("arcsin")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, ((1 - x) * (x + 1)).Rsqrt());
}

internal sealed record ArcCos() : MapOp<F.ArcCos>("arccos")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, -((1 - x) * (x + 1)).Rsqrt());
}

internal sealed record ArcTan() : MapOp<F.ArcTan>("arctan")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, Large.Where(x, (x.Square() + 1).Reciprocal(), x.Reciprocal().Square()));
}

internal sealed record ArcSinh() : MapOp<F.ArcSinh>("arcsinh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, Large.Where(x, (x.Square() + 1).Rsqrt(), x.Abs().Reciprocal()));
}

internal sealed record ArcCosh() : MapOp<F.ArcCosh>("arccosh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroProduct.Of(g, (x - 1).Rsqrt() * (x + 1).Rsqrt());
}

internal sealed record ArcTanh() : MapOp<F.ArcTanh>("arctanh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => ZeroQuotient.Of(g, (1 - x) * (x + 1));
}

/// <summary>The angle of the point (x, y) = (second, first input).</summary>
internal sealed record ArcTan2() : ZipOp<F.ArcTan2>("arctan2")
{
    // ∂θ/∂y = x/(x² + y²), ∂θ/∂x = −y/(x² + y²), of the point divided by its larger coordinate; 0 infinitely far away.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var size = Tensor.Maximum(x[0].Abs(), x[1].Abs());
        var scale = Tensor.Where(size.IsInfinity(), size.OnesLike(), size).StopGradient();
        var (a, b) = (x[0] / scale, x[1] / scale);
        var derivative = (i == 0 ? b : -a) / (a.Square() + b.Square()) / scale;
        return ZeroProduct.Of(g, Tensor.Where(size.IsInfinity() & !(x[0].IsNaN() | x[1].IsNaN()), g.ZerosLike(), derivative));
    }
}

/// <summary>Where squares overflow or the 1 beside them is lost.</summary>
internal static class Large
{
    /// <summary>usual, or large where |x| is so large that x² + 1 is x².</summary>
    public static Tensor Where(Tensor x, Tensor usual, Tensor large) => Tensor.Where(x.Abs() > 1e9, large, usual);
}
