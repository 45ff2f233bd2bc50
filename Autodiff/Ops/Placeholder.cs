using ManagedFed.Graph;

namespace ManagedFed.Ops;

/// <summary>An argument of a function that is being compiled: it has a shape and a type, but no value yet.</summary>
internal sealed record Placeholder(Shape Shape, DType DType) : Op
{
    public override string Name => "placeholder";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Shape, DType);

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => Throw.Invalid(
        "compile", "a value was read while the function is being compiled, when none exists yet; return the tensor and read it outside");

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}
