using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Entries of x along one axis chosen by integers: (…, n, …) and indices (i…) give (…, i…, …).</summary>
internal sealed record Take(int Axis) : Op
{
    public override string Name => "take";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = x[0].Shape.Sizes;
        return ([.. sizes[..Axis], .. x[1].Shape.Sizes, .. sizes[(Axis + 1)..]], x[0].DType);
    }

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gather.Take(x[0], x[1], Axis, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeGrad(Axis, x[0].Shape[Axis]), g, x[1]) : null;
}

/// <summary>Zeros with each entry of g added where <see cref="Take"/> read it; repeated indices accumulate.</summary>
internal sealed record TakeGrad(int Axis, int Size) : Op
{
    public override string Name => "take_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = x[0].Shape.Sizes;
        return ([.. sizes[..Axis], Size, .. sizes[(Axis + x[1].Rank)..]], x[0].DType);
    }

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Scatter.Add(y, x[1], Axis, x[0]);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new Take(Axis), g, x[1]) : null;
}

/// <summary>y[…, j, …] = x[…, indices[…, j, …], …] along one axis; all other axes are of equal size.</summary>
internal sealed record TakeAlong(int Axis) : Op
{
    public override string Name => "take_along_axis";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (x[1].Rank != x[0].Rank || x[1].Shape.With(Axis, 0) != x[0].Shape.With(Axis, 0))
        {
            Throw.Argument(Name, $"indices {x[1].Shape} and array {x[0].Shape} differ in an axis other than {Axis}");
        }
        return (x[1].Shape, x[0].DType);
    }

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gather.TakeAlong(x[0], x[1], Axis, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeAlongGrad(Axis, x[0].Shape[Axis]), g, x[1]) : null;
}

/// <summary>Zeros with each entry of g added where <see cref="TakeAlong"/> read it.</summary>
internal sealed record TakeAlongGrad(int Axis, int Size) : Op
{
    public override string Name => "take_along_axis_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, Size), x[0].DType);

    public override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Scatter.AddAlong(y, x[1], Axis, x[0]);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeAlong(Axis), g, x[1]) : null;
}
