using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Integers as uint32, each checked to lie in 0 … size − 1: indices that do not count from the end, such as classes.</summary>
/// <param name="Caller">The name in the message.</param>
/// <param name="Axis">The axis that they index, for the message.</param>
/// <param name="Size">The size of that axis.</param>
internal sealed record FromStart(string Caller, int Axis, int Size) : Op
{
    public override string Name => "from_start";

    public override bool TakesNarrow => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, DType.UInt32);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gather.FromStart(Caller, x[0], Axis, Size, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}
