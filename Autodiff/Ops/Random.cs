using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Threefry words for a key given as a uint32 tensor of shape (2,).</summary>
internal sealed record RandomBits(Shape To) : Op
{
    public override string Name => "random_bits";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (To, DType.UInt32);

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        var key = x[0].ToArray<uint>();
        F.RandomKernel.Bits(key[0], key[1], y);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}
