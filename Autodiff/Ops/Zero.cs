using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>a·b, 0 where either is 0, whatever the other: how a cotangent meets a derivative that may be infinite or NaN.</summary>
/// <remarks>So a branch that a choice masks out, whose cotangent is 0, gives the gradient 0. Closed under differentiation.</remarks>
internal sealed record ZeroProduct() : ZipOp<F.ZeroProduct>("zero_product")
{
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Of(g, x[1 - i]);

    public static Tensor Of(Tensor a, Tensor b) => Tensor.Zip(new ZeroProduct(), a, b);
}

/// <summary>a/b, 0 where a is 0, whatever b.</summary>
internal sealed record ZeroQuotient() : ZipOp<F.ZeroQuotient>("zero_quotient")
{
    // ∂/∂b = −a/b², 0 where a is.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Of(g, x[1]) : -ZeroProduct.Of(g, Of(y, x[1]));

    public static Tensor Of(Tensor a, Tensor b) => Tensor.Zip(new ZeroQuotient(), a, b);
}
