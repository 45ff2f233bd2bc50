using ManagedFed.Graph;
using ManagedFed.Ops;
using static ManagedFed.Nn.OnnxAttribute;

namespace ManagedFed.Nn;

// Operations that move elements, and reductions.
internal sealed partial class OnnxTranslator
{
    private string ReshapeTo(string x, OnnxSize[] sizes) => graph.Apply("Reshape", [x, sizes.Count(size => !size.IsFixed) == 1
        ? graph.Vector([.. sizes.Select(size => size.IsFixed ? size.First : -1L)])
        : Vector(sizes)]);

    private string Expand(string x, OnnxSize[] from, OnnxSize[] to)
    {
        // Where the input has the size already, a 1 keeps it.
        var target = to.ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            if (from[^i] == to[^i]) target[^i] = new(1, 1);
        }
        return graph.Apply("Expand", [x, Vector(target)]);
    }

    private string Permute(string x, ReadOnlySpan<int> axes) => graph.Apply("Transpose", [x], Ints("perm", axes));

    private string Slice(string x, OnnxPair node)
    {
        var (first, second) = ((SliceOp)node.Op, (SliceOp)node.Second.Op!);
        var (axis, step) = (first.Axis, first.Step);
        var size = node.Input(0).Size(axis);
        var start = new OnnxSize(first.Start, second.Start);
        var stop = new OnnxSize(first.Start + first.Length * step, second.Start + second.Length * step);
        if (second.Axis != axis || second.Step != step || From(start) is not { } from || Stop() is not { } to)
        {
            return Throw.Argument<string>("onnx", $"slice: elements {first.Start}.. by {step} of axis {axis} at batch size {graph.Batch.First} are {second.Start}.. by {second.Step} of axis {second.Axis} at {graph.Batch.Second}; choose them by indices computed from the input");
        }
        return graph.Apply("Slice", [x, graph.Vector(from), graph.Vector(to), graph.Vector(axis), graph.Vector(step)]);

        // Behind or before all elements, or a place counted from either end.
        long? Stop() =>
            step > 0 && stop.First >= size.First && stop.Second >= size.Second ? int.MaxValue :
            step < 0 && stop.First < 0 && stop.Second < 0 ? int.MinValue :
            From(stop);

        long? From(OnnxSize place) =>
            place.IsFixed ? place.First :
            place.First - size.First == place.Second - size.Second ? place.First - size.First : null;
    }

    private string Total(string[] x, OnnxPair node, Axes axes)
    {
        long[] numbers = [.. Enumerable.Range(0, axes.Length).Select(i => (long)axes[i])];
        return Calculate(x, node, y => graph.Apply("ReduceSum", [y[0], graph.Vector(numbers)]));
    }

    // Truth values are folded as 0 and 1.
    private string Extreme(string op, string[] x, OnnxPair node, Axes axes) =>
        Calculate(x, node, y => graph.Apply(op, y, Ints("axes", axes)));

    private string Place(string op, string[] x, OnnxPair node, int axis) =>
        Calculate(x, node, y => graph.Apply(op, y, Int("axis", axis)), DType.Int64);

    /// <summary>A shape; a size that follows the batch is computed at run time.</summary>
    private string Vector(OnnxSize[] sizes)
    {
        if (Array.TrueForAll(sizes, size => size.IsFixed)) return graph.Vector([.. sizes.Select(size => (long)size.First)]);
        return graph.Apply("Concat", [.. sizes.Select(size => size.IsFixed ? graph.Vector(size.First) : Times(size))], Int("axis", 0));
    }

    private string Times(OnnxSize size)
    {
        if (size.Per(graph.Batch) is not { } factor)
        {
            return Throw.Argument<string>("onnx", $"an axis has size {size.First} at batch size {graph.Batch.First} and {size.Second} at {graph.Batch.Second}, no multiple of the batch's; export with DynamicBatch = false");
        }
        return factor == 1 ? BatchSize() : graph.Apply("Mul", [BatchSize(), graph.Vector(factor)]);
    }
}
