using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>The indices of the first Count elements along an axis in order. Values are then gathered, which gives gradients their way back.</summary>
internal sealed record ArgSort(int Axis, bool Descending, int Count) : Op
{
    public override string Name => "argsort";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, Count), DType.UInt32);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Sorting.ArgSort(x[0], Axis, Descending, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>All indices along an axis, the Kth in order at its place.</summary>
internal sealed record ArgPartition(int Axis, int Kth) : Op
{
    public override string Name => "argpartition";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, DType.UInt32);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Sorting.ArgPartition(x[0], Axis, Kth, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>Where values belong in ascending rows: (n,) or (…, n), and (…, m) give (…, m).</summary>
internal sealed record SearchSorted(bool Right) : Op
{
    public override string Name => "searchsorted";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var (sorted, values) = (x[0].Shape, x[1].Shape);
        if (sorted.Rank == 0 || sorted.Rank > 1 && (values.Rank != sorted.Rank || values.With(values.Rank - 1, sorted[-1]) != sorted))
        {
            Throw.Argument(Name, $"sorted {sorted} and values {values} do not fit; sorted is one row, or has the leading axes of values");
        }
        return (values, DType.UInt32);
    }

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Sorting.Search(x[0], x[1], Right, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (!batched[0] && x[0].Rank == 1) return Tensor.Apply(this, x);
        var both = Batching.Stretch(x, batched, size);

        // One row for each member: its values in a row too.
        if (both[0].Rank > 2) return Tensor.Apply(this, both);
        var values = both[1].Reshape([size, Take.Count(both[1].Shape.Sizes[1..])]);
        return Tensor.Apply(this, both[0], values).Reshape(both[1].Shape);
    }
}
