using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

internal sealed record Tan() : MapOp<F.Tan>("tan")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * (y.Square() + 1);
}

internal sealed record Sinh() : MapOp<F.Sinh>("sinh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * x.Cosh();
}

internal sealed record Cosh() : MapOp<F.Cosh>("cosh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * x.Sinh();
}

internal sealed record ArcSin() : MapOp<F.ArcSin>("arcsin")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * (1 - x.Square()).Rsqrt();
}

internal sealed record ArcCos() : MapOp<F.ArcCos>("arccos")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => -g * (1 - x.Square()).Rsqrt();
}

internal sealed record ArcTan() : MapOp<F.ArcTan>("arctan")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g / (x.Square() + 1);
}

internal sealed record ArcSinh() : MapOp<F.ArcSinh>("arcsinh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * (x.Square() + 1).Rsqrt();
}

internal sealed record ArcCosh() : MapOp<F.ArcCosh>("arccosh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g * (x.Square() - 1).Rsqrt();
}

internal sealed record ArcTanh() : MapOp<F.ArcTanh>("arctanh")
{
    protected override Tensor Gradient(Tensor g, Tensor x, Tensor y) => g / (1 - x.Square());
}

/// <summary>The angle of the point (x, y) = (second, first input).</summary>
internal sealed record ArcTan2() : ZipOp<F.ArcTan2>("arctan2")
{
    // ∂θ/∂y = x/(x² + y²), ∂θ/∂x = −y/(x² + y²).
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var square = x[0].Square() + x[1].Square();
        return i == 0 ? g * x[1] / square : -g * x[0] / square;
    }
}
