using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Elements (…, i, i + Offset) of the last two axes: (…, m, n) gives (…, l).</summary>
internal sealed record Diagonal(int Offset) : MoveOp
{
    public override string Name => "diagonal";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var shape = x[0].Shape;
        return ([.. shape.Sizes[..^2], Length(shape[-2], shape[-1], Offset)], x[0].DType);
    }

    public override Layout View(Layout x) => Of(x, Offset);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Tensor.Apply(new DiagonalEmbed(Offset, x[0].Shape[-2], x[0].Shape[-1]), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);

    internal static Layout Of(Layout x, int offset)
    {
        var length = Length(x.Shape[-2], x.Shape[-1], offset);
        var start = length == 0 ? 0 : offset >= 0 ? offset * x.Strides[^1] : -offset * x.Strides[^2];
        return new([.. x.Shape.Sizes[..^2], length], [.. x.Strides[..^2], x.Strides[^2] + x.Strides[^1]], x.Offset + start);
    }

    private static int Length(int rows, int columns, int offset) =>
        (int)Math.Max(0, Math.Min(rows + Math.Min(0L, offset), columns - Math.Max(0L, offset)));
}

/// <summary>Zeros (…, Rows, Columns) with the input (…, l) on a diagonal: the adjoint of <see cref="Diagonal"/>.</summary>
internal sealed record DiagonalEmbed(int Offset, int Rows, int Columns) : Op
{
    public override bool WidensRules => false;

    public override string Name => "diag";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => ([.. x[0].Shape.Sizes[..^1], Rows, Columns], x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Copy.Run(x[0], y.View(Diagonal.Of(y.Layout, Offset)));
    }

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Tensor.Apply(new Diagonal(Offset), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}
