using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Threefry words for a key given as a uint32 tensor of shape (2,).</summary>
internal sealed record RandomBits(Shape To) : Op
{
    public override string Name => "random_bits";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (x[0].DType != DType.UInt32 || x[0].Rank != 1 || x[0].Shape[0] != 2)
        {
            Throw.Argument(Name, $"key has shape {x[0].Shape} of {x[0].DType.Name()}, expected (2,) of uint32");
        }
        return (To, DType.UInt32);
    }

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.RandomKernel.Bits(x[0], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}
