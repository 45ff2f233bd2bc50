using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Threefry words for keys, uint32 of shape (…, 2): (…, To).</summary>
internal sealed record RandomBits(Shape To) : Op
{
    public override string Name => "random_bits";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var keys = x[0].Shape;
        if (x[0].DType != DType.UInt32 || keys.Rank == 0 || keys[-1] != 2)
        {
            Throw.Argument(Name, $"key has shape {keys} of {x[0].DType.Name()}, expected (2,) of uint32");
        }
        return (keys.Rank == 1 ? To : [.. keys.Sizes[..^1], .. To.Sizes], DType.UInt32);
    }

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
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
