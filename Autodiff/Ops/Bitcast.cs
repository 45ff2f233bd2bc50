using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>The same bytes read as another type; the last axis grows or shrinks with the size of an element.</summary>
internal sealed record Bitcast(DType To) : Op
{
    public override string Name => "view";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (To == DType.Bool && x[0].DType != DType.Bool) Throw.DTypeMismatch(Name, To, "a number, since bytes other than 0 and 1 are no truth values");
        var (from, to) = (x[0].DType.Size(), To.Size());
        if (from == to) return (x[0].Shape, To);
        if (x[0].Rank == 0 || x[0].Shape[-1] * (long)from % to != 0)
        {
            Throw.Argument(Name, $"rows of shape {x[0].Shape} of {x[0].DType.Name()} are no whole number of {To.Name()} elements");
        }
        return (x[0].Shape.With(x[0].Rank - 1, Shape.Size(Name, x[0].Shape[-1] * (long)from / to)), To);
    }

    public override bool TakesNarrow => true;

    public override bool WidensRules => false;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        var dense = F.Copy.Dense(x[0]);
        dense.Bytes.CopyTo(y.Bytes);
        dense.Storage.Release();
        GC.KeepAlive(dense);
    }

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}
