using ManagedFed.Ops;

namespace ManagedFed.Graph;

/// <summary>A subscript of a shape, resolved once for reading and for updating.</summary>
/// <remarks>
/// Numbers, ranges and steps cut a region out of the tensor, with all its axes. Index tensors then choose from the region: along one
/// axis in place, or along several that are moved to the front and merged.
/// </remarks>
internal sealed class Selection
{
    private readonly (int Start, int Count, int Step)[] parts;
    private readonly bool[] isPart;
    private readonly List<(int Axis, Tensor Index)> chosen = [];
    private readonly List<int> output = [];
    private readonly Shape source;
    private readonly Shape indexShape = [];

    // Where the axes of the index tensors stand among the other axes of the region.
    private readonly int place;

    public Selection(Shape shape, ReadOnlySpan<TensorIndex> indices)
    {
        source = shape;
        parts = new (int, int, int)[shape.Rank];
        isPart = new bool[shape.Rank];
        var (used, ellipses, hasTensor) = (0, 0, false);
        foreach (var index in indices)
        {
            used += index.AxisCount;
            if (index.Form == TensorIndex.Kind.Ellipsis) ellipses++;
            hasTensor |= index.Form == TensorIndex.Kind.Tensor;
        }
        if (shape.Rank == 0 && used > 0) Throw.Argument("index", "a scalar has no axis to index; use Item");
        if (used > shape.Rank) Throw.Argument("index", $"indices of {used} axes given for shape {shape} of {shape.Rank}");
        if (ellipses > 1) Throw.Argument("index", "more than one ellipsis; which axes each stands for is not determined");

        var axis = 0;
        var (firstPlace, isInGroup, isSplit) = (-1, false, false);
        foreach (var index in indices)
        {
            // Beside an index tensor a number counts as one.
            var isAdvanced = index.Form == TensorIndex.Kind.Tensor || hasTensor && index.Form == TensorIndex.Kind.Entry;
            isSplit |= isAdvanced && firstPlace >= 0 && !isInGroup;
            if (isAdvanced && firstPlace < 0) firstPlace = output.Count;
            isInGroup = isAdvanced;
            switch (index.Form)
            {
                case TensorIndex.Kind.NewAxis: output.Add(1); break;
                case TensorIndex.Kind.Ellipsis: Keep(shape.Rank - used); break;
                case TensorIndex.Kind.Entry: Take(index); break;
                case TensorIndex.Kind.Tensor: Choose(index.Tensor!); break;
                default:
                    Take(index);
                    output.Add(parts[axis - 1].Count);
                    break;
            }
        }
        Keep(shape.Rank - axis);
        foreach (var (_, index) in chosen) indexShape = Shape.Broadcast(indexShape, index.Shape, "index");
        if (chosen.Count > 0) place = isSplit ? 0 : chosen[0].Axis;
        if (firstPlace >= 0) output.InsertRange(isSplit ? 0 : firstPlace, indexShape);
        Result = Shape.Create(output.ToArray());

        void Keep(int count)
        {
            for (; count > 0; count--)
            {
                parts[axis] = (0, shape[axis], 1);
                output.Add(shape[axis++]);
            }
        }

        void Take(TensorIndex index)
        {
            parts[axis] = index.On(axis, shape);
            isPart[axis] = parts[axis] != (0, shape[axis], 1);
            axis++;
        }

        void Choose(Tensor index)
        {
            if (index.DType == DType.Bool)
            {
                var covered = Shape.Create(shape.Sizes.Slice(axis, index.Rank));
                if (index.Shape != covered) Throw.Argument("index", $"mask has shape {index.Shape}, expected {covered} of the axes it covers");
            }
            foreach (var one in index.DType == DType.Bool ? index.NonZero() : [index])
            {
                chosen.Add((axis, one));
                parts[axis] = (0, shape[axis], 1);
                axis++;
            }
        }
    }

    /// <summary>The shape of what is read.</summary>
    public Shape Result { get; }

    private bool IsInPlace => chosen.Count == 1 && place == chosen[0].Axis;

    public Tensor Read(Tensor x)
    {
        var region = Region(x);
        if (chosen.Count == 0) return region.Reshape(Result);
        if (IsInPlace) return Tensor.Apply(new Take(place), region, chosen[0].Index).Reshape(Result);
        return Tensor.Apply(new Take(0), Table(region), Places()).MoveAxes(0, indexShape.Rank, place).Reshape(Result);
    }

    /// <summary>x with values joined into what <see cref="Read"/> gives.</summary>
    /// <param name="x">The tensor.</param>
    /// <param name="values">Of the shape <see cref="Result"/>.</param>
    /// <param name="join">New elements from old ones and values, where each is met once.</param>
    /// <param name="scatter">The operation that joins along an axis, where elements may be met several times.</param>
    public Tensor Update(Tensor x, Tensor values, Func<Tensor, Tensor, Tensor> join, Func<int, Op> scatter)
    {
        var region = Region(x);
        if (chosen.Count == 0) return Write(x, join(region, values.Reshape(region.Shape)));
        var sizes = region.Shape.Sizes;
        if (IsInPlace)
        {
            var updates = values.Reshape([.. sizes[..place], .. indexShape.Sizes, .. sizes[(place + 1)..]]);
            return Write(x, Tensor.Apply(scatter(place), region, chosen[0].Index, updates));
        }
        var order = Order();
        int[] rest = [.. order[chosen.Count..].Select(axis => region.Shape[axis])];
        var moved = values.Reshape([.. rest[..place], .. indexShape.Sizes, .. rest[place..]]).MoveAxes(place, indexShape.Rank, 0);
        var table = Tensor.Apply(scatter(0), Table(region), Places(), moved);
        var inverse = new int[order.Length];
        for (var k = 0; k < order.Length; k++) inverse[order[k]] = k;
        return Write(x, table.Reshape([.. order.Select(axis => region.Shape[axis])]).Transpose(inverse));
    }

    private Tensor Region(Tensor x)
    {
        for (var axis = 0; axis < parts.Length; axis++)
        {
            if (isPart[axis]) x = x.Slice(axis, parts[axis].Start, parts[axis].Count, parts[axis].Step);
        }
        return x;
    }

    private Tensor Write(Tensor x, Tensor region) => !Array.Exists(isPart, part => part)
        ? region
        : Tensor.Apply(new Assign(Array.ConvertAll(parts, part => part.Start), Array.ConvertAll(parts, part => part.Step)), x, region);

    /// <summary>The region's axes, those of the index tensors first.</summary>
    private int[] Order()
    {
        var first = chosen.ConvertAll(one => one.Axis);
        return [.. first, .. Enumerable.Range(0, parts.Length).Except(first)];
    }

    /// <summary>The region with the axes of the index tensors first, merged into one.</summary>
    private Tensor Table(Tensor region)
    {
        var moved = region.Transpose(Order());
        return moved.Flatten(0, chosen.Count - 1);
    }

    /// <summary>The places of the chosen elements along the table's first axis.</summary>
    private Tensor Places()
    {
        var sizes = chosen.ConvertAll(one => source[one.Axis]).ToArray();
        var numbers = chosen.ConvertAll(one => one.Axis).ToArray();
        return Tensor.Apply(new RavelIndex(sizes, numbers), [.. chosen.Select(one => one.Index.BroadcastTo(indexShape))]);
    }
}
