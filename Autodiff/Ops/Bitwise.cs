using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>A function of integers, through which no gradient flows.</summary>
internal sealed record IntegerZip<TFormula>(string Label) : ZipOp<TFormula>(Label) where TFormula : struct, F.IBinary
{
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

internal sealed record Invert() : MapOp<F.BitwiseInvert>("bitwise_invert")
{
    protected override Tensor? Gradient(Tensor g, Tensor x, Tensor y) => null;
}
