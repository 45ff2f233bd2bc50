using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Threefry words for a key, uint32 of shape (2,), or for each of a batch of keys (…, 2): (…, To).</summary>
internal sealed record RandomBits(Shape To) : Op
{
    public override string Name => "random_bits";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var keys = x[0].Shape;
        return (keys.Rank == 1 ? To : [.. keys.Sizes[..^1], .. To.Sizes], DType.UInt32);
    }

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        if (x[0].Shape.Rank == 1)
        {
            F.RandomKernel.Bits(x[0], y);
            return;
        }
        var count = (int)(x[0].Count / 2);
        var (keys, words) = (x[0].Reshape([count, 2]), y.Reshape([count, (int)To.Count]));
        for (var i = 0; i < count; i++) F.RandomKernel.Bits(keys.Slice(0, i, 1).Reshape([2]), words.Slice(0, i, 1).Reshape([(int)To.Count]));
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}
