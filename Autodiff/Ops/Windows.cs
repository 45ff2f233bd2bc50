using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>A view of the windows along one axis: (…, n, …) gives (…, places, window, …).</summary>
internal sealed record WindowsOp(int Axis, int Window, int Stride) : MoveOp
{
    public override string Name => "windows";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) =>
        (x[0].Shape.With(Axis, (x[0].Shape[Axis] - Window) / Stride + 1).Insert(Axis + 1, Window), x[0].DType);

    public override Layout View(Layout x)
    {
        var step = x.Strides[Axis];
        nint[] strides = [.. x.Strides[..Axis], step * Stride, step, .. x.Strides[(Axis + 1)..]];
        return new(x.Shape.With(Axis, (x.Shape[Axis] - Window) / Stride + 1).Insert(Axis + 1, Window), strides, x.Offset);
    }

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Tensor.Apply(new WindowsGrad(Axis, Stride, x[0].Shape[Axis]), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>Windows added up where they came from: (…, places, window, …) gives (…, n, …).</summary>
internal sealed record WindowsGrad(int Axis, int Stride, int Size) : Op
{
    public override bool WidensRules => false;

    public override string Name => "windows_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.Remove(Axis + 1).With(Axis, Size), x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        var (places, window) = (x[0].Shape[Axis], x[0].Shape[Axis + 1]);
        for (var k = 0; k < window; k++)
        {
            var part = x[0].Slice(Axis + 1, k, 1);
            var target = y.View(y.Layout.Slice(Axis, k, places, Stride));
            // Places k of all windows are distinct: the first of them only once copied, where windows do not overlap.
            if (Stride >= window) F.Copy.Run(part.View(part.Layout.TryReshape(target.Shape)!), target);
            else F.Accumulate.Run(part.View(part.Layout.TryReshape(target.Shape)!), target);
        }
    }

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Tensor.Apply(new WindowsOp(Axis, x[0].Shape[Axis + 1], Stride), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}
