using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>Entries of x along one axis chosen by integers: (…, n, …) and indices (i…) give (…, i…, …).</summary>
internal sealed record Take(int Axis) : Op
{
    public override bool WidensRules => false;

    public override string Name => "take";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = x[0].Shape.Sizes;
        return ([.. sizes[..Axis], .. x[1].Shape.Sizes, .. sizes[(Axis + 1)..]], x[0].DType);
    }

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gather.Take(x[0], x[1], Axis, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeGrad(Axis, x[0].Shape[Axis]), g, x[1]) : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (!batched[1]) return Tensor.Apply(new Take(Axis + 1), x);
        if (!batched[0]) return Tensor.Apply(this, x).MoveAxis(Axis, 0);

        // Each member by its own indices: (B, n, R) and (B, I) give (B, I, R).
        var members = x[0].MoveAxis(Axis + 1, 1);
        var rest = members.Shape.Sizes[2..];
        var rows = members.Reshape([size, members.Shape[1], Count(rest)]);
        var taken = Tensor.Apply(new TakeAlong(1), rows, Rows(x[1], size, rows.Shape[2]));
        return taken.Reshape([size, .. x[1].Shape.Sizes[1..], .. rest]).MoveAxes(1, x[1].Rank - 1, Axis + 1);
    }

    internal static int Count(ReadOnlySpan<int> sizes) => Shape.Size("take", Shape.Create(sizes).Count);

    /// <summary>Indices (B, i…) as (B, I, R), the same for each of R.</summary>
    internal static Tensor Rows(Tensor indices, int size, int width)
    {
        var flat = Count(indices.Shape.Sizes[1..]);
        return indices.Reshape([size, flat, 1]).BroadcastTo([size, flat, width]);
    }
}

/// <summary>Zeros with each entry of g added where <see cref="Take"/> read it; repeated indices accumulate.</summary>
internal sealed record TakeGrad(int Axis, int Size) : Op
{
    public override bool WidensRules => false;

    public override string Name => "take_grad";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = x[0].Shape.Sizes;
        return ([.. sizes[..Axis], Size, .. sizes[(Axis + x[1].Rank)..]], x[0].DType);
    }

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Scatter.Add(y, x[1], Axis, x[0]);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new Take(Axis), g, x[1]) : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (!batched[1]) return Tensor.Apply(this with { Axis = Axis + 1 }, x);

        // The way of Take back: (B, I, R) and (B, I) give (B, n, R).
        var parts = Batching.Stretch(x, batched, size);
        var members = parts[0].MoveAxes(Axis + 1, x[1].Rank - 1, 1);
        var rest = members.Shape.Sizes[x[1].Rank..];
        var width = Take.Count(rest);
        var indices = Take.Rows(parts[1], size, width);
        var rows = Tensor.Apply(new TakeAlongGrad(1, Size), members.Reshape(indices.Shape), indices);
        return rows.Reshape([size, Size, .. rest]).MoveAxis(1, Axis + 1);
    }
}

/// <summary>y[…, j, …] = x[…, indices[…, j, …], …] along one axis; all other axes are of equal size.</summary>
internal sealed record TakeAlong(int Axis) : Op
{
    public override bool WidensRules => false;

    public override string Name => "take_along_axis";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (x[1].Rank != x[0].Rank || x[1].Shape.With(Axis, 0) != x[0].Shape.With(Axis, 0))
        {
            Throw.Argument(Name, $"indices {x[1].Shape} and array {x[0].Shape} differ in an axis other than {Axis}");
        }
        return (x[1].Shape, x[0].DType);
    }

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gather.TakeAlong(x[0], x[1], Axis, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeAlongGrad(Axis, x[0].Shape[Axis]), g, x[1]) : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(this with { Axis = Axis + 1 }, Batching.Stretch(x, batched, size));
}

/// <summary>Zeros with each entry of g added where <see cref="TakeAlong"/> read it.</summary>
internal sealed record TakeAlongGrad(int Axis, int Size) : Op
{
    public override bool WidensRules => false;

    public override string Name => "take_along_axis_grad";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, Size), x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Scatter.AddAlong(y, x[1], Axis, x[0]);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        i == 0 ? Tensor.Apply(new TakeAlong(Axis), g, x[1]) : null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(this with { Axis = Axis + 1 }, Batching.Stretch(x, batched, size));
}
