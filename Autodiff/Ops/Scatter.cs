using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>One array of indices for each of several axes as places in these axes merged; all of one shape.</summary>
/// <param name="Sizes">The sizes of the axes.</param>
/// <param name="Numbers">Their numbers, for messages.</param>
internal sealed record RavelIndex(Axes Sizes, Axes Numbers) : Op
{
    public override string Name => "ravel_index";

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, DType.Int64);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.RavelIndex.Run(x, Sizes, Numbers, y);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(this, Batching.Stretch(x, batched, size));
}

/// <summary>x with a part replaced: elements Starts, Starts + Steps, … of each axis. Inputs: x, the part.</summary>
internal sealed record Assign(Axes Starts, Axes Steps) : Op
{
    public override bool WidensRules => false;

    public override string Name => "slice_update";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override bool TakesNarrow => true;

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        F.Copy.Run(x[0], y);
        var part = y.Layout;
        for (var axis = 0; axis < Starts.Length; axis++) part = part.Slice(axis, Starts[axis], x[1].Shape[axis], Steps[axis]);
        F.Copy.Run(x[1], y.View(part));
    }

    // What is overwritten has no say.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (i == 0) return Tensor.Apply(this, g, x[1].ZerosLike().AsType(g.DType));
        for (var axis = 0; axis < Starts.Length; axis++) g = g.Slice(axis, Starts[axis], x[1].Shape[axis], Steps[axis]);
        return g;
    }

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size) =>
        Tensor.Apply(new Assign((int[])[0, .. (ReadOnlySpan<int>)Starts], (int[])[1, .. (ReadOnlySpan<int>)Steps]), Batching.Stretch(x, batched, size));
}

/// <summary>x with updates joined in: y[o…, indices[k…], i…] = x[…] ∘ updates[o…, k…, i…]. Inputs: x, indices, updates.</summary>
internal abstract record ScatterOp(string Label, int Axis) : Op
{
    public override string Name => Label;

    public override bool ChecksValues => true;

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
    {
        F.Copy.Run(x[0], y);
        Join(y, x[1], x[2]);
    }

    protected abstract void Join(NdArray y, NdArray indices, NdArray updates);

    /// <summary>The elements that the updates were joined into, in the updates' shape.</summary>
    protected Tensor Updated(Tensor y, Tensor indices) => Tensor.Apply(new Take(Axis), y, indices);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        var all = Batching.Stretch(x, batched, size);
        if (!batched[1]) return Tensor.Apply(this with { Axis = Axis + 1 }, all[0], x[1], all[2]);

        // Each member by its own indices: member b's place i of n is place b·n + i of all.
        var (data, indices, updates) = (all[0].MoveAxis(Axis + 1, 1), all[1], all[2].MoveAxes(Axis + 1, x[1].Rank - 1, 1));
        var n = data.Shape[1];
        var members = Tensor.Arange(size).Reshape([size, .. Enumerable.Repeat(1, indices.Rank - 1)]).BroadcastTo(indices.Shape);
        var places = Tensor.Apply(new RavelIndex((int[])[size, n], (int[])[0, Axis]), members, indices);
        var joined = Tensor.Apply(this with { Axis = 0 }, Batching.Fold(data), places, updates);
        return joined.Reshape(data.Shape).MoveAxis(1, Axis + 1);
    }
}

/// <summary>Sets; of repeated indices the last wins, and alone gets a gradient.</summary>
internal sealed record ScatterSet(int Axis) : ScatterOp("scatter", Axis)
{
    public override bool WidensRules => false;

    protected override void Join(NdArray y, NdArray indices, NdArray updates) => F.ScatterUpdate.Run<F.JoinLast>(Name, y, indices, Axis, updates);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (i == 0) return Tensor.Apply(this, g, x[1], x[2].ZerosLike().AsType(g.DType));
        if (i == 1) return null;
        var order = Tensor.Arange(Shape.Size(Name, x[1].Count)).Reshape(x[1].Shape);
        var last = Tensor.Apply(new ScatterSet(0), Tensor.Zeros([x[0].Shape[Axis]], DType.Int32), x[1], order);
        var wins = last.Take(x[1]) == order;
        var taken = Updated(g, x[1]);
        return Tensor.Where(wins.Reshape([.. wins.Shape.Sizes, .. Enumerable.Repeat(1, x[0].Rank - 1 - Axis)]), taken, taken.ZerosLike());
    }
}

internal sealed record ScatterAdd(int Axis) : ScatterOp("scatter_add", Axis)
{
    public override bool WidensRules => false;

    protected override void Join(NdArray y, NdArray indices, NdArray updates) => F.Scatter.Add(y, indices, Axis, updates);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        0 => g,
        2 => Updated(g, x[1]),
        _ => null,
    };
}

internal sealed record ScatterMultiply(int Axis) : ScatterOp("scatter_multiply", Axis)
{
    protected override void Join(NdArray y, NdArray indices, NdArray updates) => F.ScatterUpdate.Run<F.JoinProduct>(Name, y, indices, Axis, updates);

    // The gradient of a factor is the product of the others. It is not y/v, which fails where a factor is zero.
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        0 => Tensor.Apply(this, g, x[1], x[2]),
        2 => Updated(g * x[0], x[1]) * Others(x[2], x[1], x[0].Shape[Axis]),
        _ => null,
    };

    /// <summary>For each factor the product of the other ones at its place: in order of places, of those before it and those behind it.</summary>
    private Tensor Others(Tensor v, Tensor indices, int size)
    {
        var count = Shape.Size("scatter", indices.Count);
        if (count < 2) return v.OnesLike();
        var (numbers, factors) = (indices.AsType(DType.Int64).Reshape([count]), v.Reshape([.. v.Shape.Sizes[..Axis], count, .. v.Shape.Sizes[(Axis + indices.Rank)..]]));
        var places = Tensor.Where(numbers < 0, numbers + size, numbers);
        var order = places.ArgSort();
        (places, factors) = (places.Take(order), factors.Take(order, Axis));
        var others = Before(places, factors) * Before(places.Flip(0), factors.Flip(Axis)).Flip(Axis);
        return others.Take(order.ArgSort(), Axis).Reshape(v.Shape);
    }

    /// <summary>The product of the factors before each that share its place, in about log₂ n steps, each joining products twice as long.</summary>
    private Tensor Before(Tensor places, Tensor factors)
    {
        var (size, ones) = (places.Shape[0], factors.OnesLike());
        var products = Earlier(factors, 1);
        for (var length = 1; length < size; length *= 2) products *= Earlier(products, length);
        return products;

        Tensor Earlier(Tensor values, int distance)
        {
            var rest = size - distance;
            var meets = places.Slice(0, distance, rest) == places.Slice(0, 0, rest);
            var spread = meets.Reshape([rest, .. Enumerable.Repeat(1, values.Rank - 1 - Axis)]);
            var met = Tensor.Where(spread, values.Slice(Axis, 0, rest), ones.Slice(Axis, 0, rest));
            return Tensor.Concatenate([ones.Slice(Axis, 0, distance), met], Axis);
        }
    }
}

internal sealed record ScatterDivide(int Axis) : ScatterOp("scatter_divide", Axis)
{
    protected override void Join(NdArray y, NdArray indices, NdArray updates) => F.ScatterUpdate.Run<F.JoinQuotient>(Name, y, indices, Axis, updates);

    // y = x/Πv: ∂y/∂vₖ = −y/vₖ.
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        0 => Tensor.Apply(this, g, x[1], x[2]),
        2 => ZeroProduct.Of(Updated(g, x[1]), -(Updated(y, x[1]) / x[2])),
        _ => null,
    };
}

/// <summary>The largest (or smallest) of all that meet; ties share the gradient equally.</summary>
internal sealed record ScatterExtreme<TJoin>(string Label, int Axis) : ScatterOp(Label, Axis) where TJoin : struct, F.IJoin
{
    protected override void Join(NdArray y, NdArray indices, NdArray updates) => F.ScatterUpdate.Run<TJoin>(Name, y, indices, Axis, updates);

    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (i == 1) return null;
        var (xTies, vTies) = ((x[0] == y) | x[0].IsNaN(), (x[2] == Updated(y, x[1])) | x[2].IsNaN());
        var counts = Tensor.Apply(new ScatterAdd(Axis), xTies.AsType(DType.Int32), x[1], vTies.AsType(DType.Int32));
        var share = g / counts.AsType(g.DType);
        if (i == 2) share = Updated(share, x[1]);
        return Tensor.Where(i == 0 ? xTies : vTies, share, share.ZerosLike());
    }
}
