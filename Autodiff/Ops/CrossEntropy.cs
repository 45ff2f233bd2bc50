using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>−log softmax(z)[class] for each row of scores z: (N, C) and classes (N,) give (N,).</summary>
internal sealed record CrossEntropy : Op
{
    public override string Name => "cross_entropy";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[1].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.CrossEntropy.Run(x[0], x[1], y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new CrossEntropyGrad(), g, x[0], x[1]) : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => OfRows(this, x, batched, size);

    /// <summary>An operation on rows, of a batch of such rows.</summary>
    internal static Tensor OfRows(Op op, ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        var rows = Tensor.Apply(op, Array.ConvertAll(Batching.Stretch(x, batched, size), Batching.Fold));
        return rows.Reshape([size, rows.Shape[0] / size, .. rows.Shape.Sizes[1..]]);
    }
}

/// <summary>g·(softmax(z) − e_class) for each row: the gradient of <see cref="CrossEntropy"/>. Inputs: g, z, classes.</summary>
internal sealed record CrossEntropyGrad : Op
{
    public override string Name => "cross_entropy_grad";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[1].Shape, x[1].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.CrossEntropy.RunGrad(x[0], x[1], x[2], y);

    // With s = softmax(z) and the cotangent h: ∂g = Σ h·s − h[class], ∂z = g·s·(h − Σ h·s).
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (i == 2) return null;
        var s = x[1].Softmax();
        var mean = (g * s).Sum(-1, keepDims: true);
        return i == 0
            ? (mean - g.TakeAlongAxis(x[2].ExpandDims(1), 1)).Squeeze(1)
            : x[0].ExpandDims(1) * s * (g - mean);
    }

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => CrossEntropy.OfRows(this, x, batched, size);
}

/// <summary>x − log Σ eˣ along the last axis.</summary>
internal sealed record LogSoftmaxOp : Op
{
    public override string Name => "log_softmax";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.LogSoftmax.Run(x[0], y);

    // ∂yⱼ/∂xᵢ = δᵢⱼ − eʸⁱ.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g - ZeroProduct.Of(y.Exp(), g.Sum(-1, keepDims: true));

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}
