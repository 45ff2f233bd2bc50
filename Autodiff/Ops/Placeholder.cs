using ManagedFed.Graph;

namespace ManagedFed.Ops;

/// <summary>An argument of a function that a transform records: it has a shape and a type, but no value.</summary>
/// <param name="Shape">The shape.</param>
/// <param name="DType">The type.</param>
/// <param name="Transform">The transform, for messages.</param>
internal sealed record Placeholder(Shape Shape, DType DType, string Transform) : Op
{
    public override bool WidensRules => false;

    public override string Name => "placeholder";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Shape, DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => Throw.Invalid(
        Transform, $"a value was read while the function is being {Participle}, when none exists yet; return the tensor and read it outside");

    private string Participle => Transform switch
    {
        "compile" => "compiled",
        "vmap" => "mapped",
        _ => $"recorded for {Transform}",
    };

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}
