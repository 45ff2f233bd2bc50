using System.Diagnostics;
using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>The same memory under another layout.</summary>
internal abstract record MoveOp : Op
{
    public sealed override bool WidensRules => false;

    public sealed override bool MayView => true;

    public abstract override Layout View(Layout x);

    protected sealed override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => throw new UnreachableException("a view is never computed");

    // Of the value alone; operations that name axes or sizes have rules of their own.
    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}

/// <summary>The value itself under another name.</summary>
internal sealed record Alias : MoveOp
{
    public static readonly Alias Instance = new();

    public override string Name => "alias";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override Layout View(Layout x) => x;

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;
}

/// <summary>The value, through which no gradient flows.</summary>
internal sealed record StopGradient : MoveOp
{
    public override string Name => "stop_gradient";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override Layout View(Layout x) => x;

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;
}

/// <summary>The value in memory of its own.</summary>
internal sealed record Duplicate : Op
{
    public override bool WidensRules => false;

    public override string Name => "copy";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Copy.Run(x[0], y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this, x);
}

/// <summary>The same elements in row-major order under another shape.</summary>
internal sealed record Reshape(Shape To) : Op
{
    public override bool WidensRules => false;

    public override string Name => "reshape";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (To.Count != x[0].Count) Throw.Argument(Name, $"cannot reshape {x[0].Shape} of {x[0].Count} elements into {To} of {To.Count}");
        return (To, x[0].DType);
    }

    public override bool MayView => true;

    public override Layout? View(Layout x) => x.TryReshape(To);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Copy.Run(x[0], y.View(new Layout(x[0].Shape)));

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g.Reshape(x[0].Shape);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => x[0].Reshape([size, .. To.Sizes]);
}

/// <summary>Axis k of the output is axis Axes[k] of the input.</summary>
internal sealed record Transpose(Axes Axes) : MoveOp
{
    public override string Name => "transpose";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var sizes = new int[Axes.Length];
        for (var k = 0; k < sizes.Length; k++) sizes[k] = x[0].Shape[Axes[k]];
        return (Shape.FromOwned(sizes), x[0].DType);
    }

    /// <summary>True when rows and columns change places, and no other axes.</summary>
    internal bool SwapsLastAxes
    {
        get
        {
            var rank = Axes.Length;
            if (rank < 2 || Axes[rank - 1] != rank - 2 || Axes[rank - 2] != rank - 1) return false;
            for (var axis = 0; axis < rank - 2; axis++)
            {
                if (Axes[axis] != axis) return false;
            }
            return true;
        }
    }

    public override Layout View(Layout x) => x.Transpose(Axes);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var inverse = new int[Axes.Length];
        for (var k = 0; k < inverse.Length; k++) inverse[Axes[k]] = k;
        return g.Transpose(inverse);
    }

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(new Transpose(Axes.BehindBatch()), x);
}

/// <summary>Sizes of 1 and missing leading axes stretched without copying.</summary>
internal sealed record Broadcast(Shape To) : MoveOp
{
    public override string Name => "broadcast_to";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        if (Shape.Broadcast(x[0].Shape, To, Name) != To) Throw.CannotBroadcast(Name, x[0].Shape, To);
        return (To, x[0].DType);
    }

    public override Layout View(Layout x) => x.BroadcastTo(To);

    // The walk sums over the stretched axes.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Batching.Widen(x[0], To.Rank).BroadcastTo([size, .. To.Sizes]);
}

/// <summary>Elements Start, Start+Step, … (Length of them) along one axis.</summary>
internal sealed record SliceOp(int Axis, int Start, int Length, int Step) : MoveOp
{
    public override string Name => "slice";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, Length), x[0].DType);

    public override Layout View(Layout x) => x.Slice(Axis, Start, Length, Step);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Tensor.Apply(new Embed(Axis, Start, Step, x[0].Shape[Axis]), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>Zeros of size <c>Size</c> along one axis with the input at Start, Start+Step, …: the adjoint of a slice.</summary>
internal sealed record Embed(int Axis, int Start, int Step, int Size) : Op
{
    public override bool WidensRules => false;

    public override string Name => "embed";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape.With(Axis, Size), x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        y.Fill(0);
        F.Copy.Run(x[0], y.View(y.Layout.Slice(Axis, Start, x[0].Shape[Axis], Step)));
    }

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) =>
        Tensor.Apply(new SliceOp(Axis, Start, x[0].Shape[Axis], Step), g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) => Tensor.Apply(this with { Axis = Axis + 1 }, x);
}

/// <summary>The inputs one after another along an axis.</summary>
internal sealed record Concatenate(int Axis) : Op
{
    public override bool WidensRules => false;

    public override string Name => "concatenate";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var size = 0L;
        foreach (var part in x)
        {
            if (part.Rank != x[0].Rank || part.Shape.With(Axis, 0) != x[0].Shape.With(Axis, 0))
            {
                Throw.Argument(Name, $"shapes {x[0].Shape} and {part.Shape} differ in an axis other than {Axis}");
            }
            size += part.Shape[Axis];
        }
        return (Shape.Create(x[0].Shape.With(Axis, Shape.Size(Name, size)).Sizes), x[0].DType);
    }

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        var start = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var size = x[i].Shape[Axis];
            F.Copy.Run(x[i], y.View(y.Layout.Slice(Axis, start, size, 1)));
            start += size;
        }
    }

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var start = 0;
        for (var k = 0; k < i; k++) start += x[k].Shape[Axis];
        return g.Slice(Axis, start, x[i].Shape[Axis]);
    }

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(this with { Axis = Axis + 1 }, Batching.Stretch(x, batched, size));
}
