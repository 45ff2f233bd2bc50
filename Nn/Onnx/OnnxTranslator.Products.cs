using ManagedFed.Graph;
using ManagedFed.Ops;
using static ManagedFed.Nn.OnnxAttribute;

namespace ManagedFed.Nn;

// Products, windows and losses. ONNX has the channels before the places.
internal sealed partial class OnnxTranslator
{
    private string Product(string[] x, OnnxPair node)
    {
        if (x.Length == 2) return graph.Apply("MatMul", x);
        if (node.Rank != 2) return graph.Apply("Add", [graph.Apply("MatMul", x.AsSpan(..2)), x[2]]);
        return node.Input(1).Op is Transpose { SwapsLastAxes: true }
            ? graph.Apply("Gemm", [x[0], As(name(node.Input(1).Input(0)), node.DType, node.DType.Arithmetic()), x[2]], Int("transB", 1))
            : graph.Apply("Gemm", x);
    }

    private string Convolve(string[] x, OnnxPair node, Kernels.ConvWindow window)
    {
        string[] inputs = [Permute(x[0], [0, 3, 1, 2]), Permute(x[1], [0, 3, 1, 2]), .. x[2..]];
        var (stride, padding, dilation, groups) = window;
        var result = graph.Apply(
            "Conv", inputs,
            Ints("kernel_shape", node.Input(1).First.Shape.Sizes[1..3]), Ints("strides", stride.Rows, stride.Columns),
            Ints("pads", padding.Rows, padding.Columns, padding.Rows, padding.Columns),
            Ints("dilations", dilation.Rows, dilation.Columns), Int("group", groups));
        return Permute(result, [0, 2, 3, 1]);
    }

    private string Windows(string x, OnnxPair input, WindowsOp windows)
    {
        var (axis, window, stride) = windows;
        if (!input.Size(axis).IsFixed) Throw.Argument("onnx", $"windows along axis {axis} of shape {input.First.Shape}, which follows the batch; window another axis");
        var places = (input.First.Shape[axis] - window) / stride + 1;
        var starts = Tensor.Arange(places).ExpandDims(1) * stride;
        return graph.Apply("Gather", [x, graph.Constant((starts + Tensor.Arange(window)).AsType(DType.Int64).ToNdArray())], Int("axis", axis));
    }

    /// <summary>Windows along all but two axes, folded, as one node of ONNX; null where they are no such.</summary>
    private string? Pool(OnnxPair node, Axes axes)
    {
        var isMax = node.Op is Max;
        var x = node.Input(0);
        if (axes.Length is < 1 or > 3 || x.Rank != 2 * axes.Length + 2 || x.DType != DType.Float32) return null;
        var (places, window, stride, padding) = (new int[axes.Length], new int[axes.Length], new int[axes.Length], new int[2 * axes.Length]);
        for (var i = axes.Length - 1; i >= 0; i--)
        {
            if (x.First.Op is not WindowsOp windows || windows.Axis != axes[i] - 1 || !x.Input(0).Size(windows.Axis).IsFixed) return null;
            (places[i], window[i], stride[i]) = (windows.Axis - i, windows.Window, windows.Stride);
            x = x.Input(0);
            if (Padding(x.First, windows.Axis, isMax ? float.NegativeInfinity : 0) is not { } size) continue;
            padding[i] = padding[axes.Length + i] = size;
            x = x.Input(1);
        }
        int[] order = [.. Enumerable.Range(0, x.Rank).Except(places), .. places];
        var images = Permute(name(x), order);
        ProtoMessage[] attributes = [Ints("kernel_shape", window), Ints("strides", stride), Ints("pads", padding)];
        var result = isMax
            ? graph.Apply("MaxPool", [images], attributes)
            : graph.Apply("AveragePool", [images], [.. attributes, Int("count_include_pad", 1)]);
        if (!isMax) result = graph.Apply("Mul", [result, Scalar(window.Aggregate(1.0, (product, size) => product * size), DType.Float32)]);
        return ReshapeTo(Permute(result, [.. order.Select((_, axis) => Array.IndexOf(order, axis))]), node.Sizes);
    }

    /// <summary>How many elements of one value were put at both ends of an axis; null if none.</summary>
    private static int? Padding(Tensor x, int axis, float value) =>
        x.Op is Concatenate join && join.Axis == axis && x.Inputs is [{ Op: Broadcast } before, _, var after] && ReferenceEquals(before, after)
        && before.Inputs[0] is { Data: not null, Count: 1 } edge && edge.Item<float>().Equals(value) ? before.Shape[axis] : null;

    private string ClassLoss(string[] x, OnnxPair node)
    {
        var classes = ReshapeTo(Indices(x[1], node.Input(1).DType), [.. node.Sizes, new(1, 1)]);
        var (dtype, wide) = (node.DType, node.DType.Arithmetic());
        var logs = graph.Apply("LogSoftmax", [As(x[0], dtype, wide)], Int("axis", -1));
        var loss = graph.Apply("Neg", [graph.Apply("GatherElements", [logs, classes], Int("axis", 1))]);
        return As(ReshapeTo(loss, node.Sizes), wide, dtype);
    }
}
