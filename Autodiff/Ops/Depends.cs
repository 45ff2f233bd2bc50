using ManagedFed.Graph;

namespace ManagedFed.Ops;

/// <summary>The first input's value, for which the other inputs are computed as well.</summary>
internal sealed record Depends : MoveOp
{
    public static readonly Depends Instance = new();

    public override string Name => "depends";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override Layout View(Layout x) => x;

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0 ? g : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(this, [batched[0] ? x[0] : Batching.Repeat(x[0], size), .. x[1..]]);
}
