using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>The first input where no element of the second, a bool of its shape, is true; else an error with the first such element.</summary>
/// <param name="Caller">The name in the message.</param>
/// <param name="What">What the elements are, for the message.</param>
/// <param name="Expected">What they should be.</param>
internal sealed record Refuse(string Caller, string What, string Expected) : Op
{
    public override string Name => "refuse";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override bool TakesNarrow => true;

    public override bool WidensRules => false;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        F.Copy.Run(x[0], y);
        var isBad = x[1].ToArray<bool>();
        var place = Array.IndexOf(isBad, true);
        if (place < 0) return;
        var value = y.Reshape([(int)y.Count]).Slice(0, place, 1).AsType(DType.Float64).ToArray<double>()[0];
        Throw.Argument(Caller, $"{What} {value} at place {place} of shape {y.Shape}, expected {Expected}");
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0 ? g : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, Batching.Stretch(x, batched, size));
}
