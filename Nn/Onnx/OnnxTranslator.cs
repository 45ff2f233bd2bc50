using ManagedFed.Ops;
using static ManagedFed.Nn.OnnxAttribute;

namespace ManagedFed.Nn;

/// <summary>Each operation of a recording as nodes of operator set 17.</summary>
/// <remarks>Source: the operator specifications of ONNX, https://onnx.ai/onnx/operators.</remarks>
internal sealed partial class OnnxTranslator(OnnxGraph graph, Func<OnnxPair, string> name)
{
    private string? batchSize;

    /// <summary>The name of an input whose first axis is the batch; there is one where the batch is not fixed.</summary>
    public string? BatchInput { get; set; }

    /// <summary>The name of the node's value, given those of its inputs.</summary>
    /// <exception cref="ArgumentException">The operation has no translation.</exception>
    public string Translate(OnnxPair node, string[] x) => node.Op switch
    {
        Alias or StopGradient or Duplicate or Depends or CustomOp => x[0],
        Cast cast => As(x[0], node.Input(0).DType, cast.To),
        Reshape => ReshapeTo(x[0], node.Sizes),

        // ONNX Runtime expands every type but this one.
        Broadcast when node.DType == DType.BFloat16 => Calculate(x, node, y => Expand(y[0], node.Input(0).Sizes, node.Sizes)),
        Broadcast => Expand(x[0], node.Input(0).Sizes, node.Sizes),
        Transpose transpose => Permute(x[0], transpose.Axes),
        SliceOp => Slice(x[0], node),
        Concatenate concatenate => graph.Apply("Concat", x, Int("axis", concatenate.Axis)),
        WindowsOp windows => Windows(x[0], node.Input(0), windows),
        MatMul => Calculate(x, node, y => Product(y, node)),
        Conv2dOp convolution => Calculate(x, node, y => Convolve(y, node, convolution.Window)),
        SoftmaxOp => Calculate(x, node, y => graph.Apply("Softmax", y, Int("axis", -1))),
        LogSoftmaxOp => Calculate(x, node, y => graph.Apply("LogSoftmax", y, Int("axis", -1))),
        LogSumExpOp => Calculate(x, node, y => graph.Apply("ReduceLogSumExp", y, Ints("axes", -1))),
        CrossEntropy => ClassLoss(x, node),
        FromStart => As(x[0], node.Input(0).DType, DType.UInt32),
        Take take => graph.Apply("Gather", [x[0], Indices(x[1], node.Input(1).DType)], Int("axis", take.Axis)),
        TakeAlong take => graph.Apply("GatherElements", [x[0], Indices(x[1], node.Input(1).DType)], Int("axis", take.Axis)),
        CumSum sum => Calculate(x, node, y => graph.Apply("CumSum", [y[0], graph.Vector(sum.Axis)])),
        Sum { Axes: var axes } => Pool(node, axes) ?? Total(x, node, axes),
        Max { Axes: var axes } => Pool(node, axes) ?? Extreme("ReduceMax", x, node, axes),
        Min { Axes: var axes } => Extreme("ReduceMin", x, node, axes),
        Product { Axes: var axes } => Extreme("ReduceProd", x, node, axes),
        All { Axes: var axes } => Extreme("ReduceMin", x, node, axes),
        Any { Axes: var axes } => Extreme("ReduceMax", x, node, axes),
        ArgReduceOp<Kernels.Max> { Axis: var axis } => Place("ArgMax", x, node, axis),
        ArgReduceOp<Kernels.Min> { Axis: var axis } => Place("ArgMin", x, node, axis),
        SelectOp => Select(x, node),
        _ => Truth(x, node) ?? Number(x, node),
    };

    /// <summary>A scalar that is as many times the batch size in both recordings, such as the count under a mean.</summary>
    public string Multiple(OnnxPair pair)
    {
        var (first, second) = pair;
        if (first.Count == 1 && first.Shape == second.Shape && !graph.Batch.IsFixed)
        {
            var (a, b) = (first.AsType(DType.Float64).Item<double>(), second.AsType(DType.Float64).Item<double>());
            if (a * graph.Batch.Second == b * graph.Batch.First && (first.DType.IsFloating() || a % graph.Batch.First == 0))
            {
                var wide = first.DType.Arithmetic();
                var product = graph.Apply("Mul", [As(BatchSize(), DType.Int64, wide), Scalar(a / graph.Batch.First, wide)]);
                return ReshapeTo(As(product, wide, first.DType), pair.Sizes);
            }
        }
        return Throw.Argument<string>("onnx", $"a constant of shape {first.Shape} at batch size {graph.Batch.First} is another, of shape {second.Shape}, at {graph.Batch.Second}; compute it from the input, or export with DynamicBatch = false");
    }

    private string As(string x, DType from, DType to) => from == to ? x : graph.Apply("Cast", [x], Int("to", to.Code()));

    /// <summary>Gather takes int32 and int64, and both count negative indices from the end as Take does.</summary>
    private string Indices(string x, DType dtype) => dtype == DType.Int32 ? x : As(x, dtype, DType.Int64);

    /// <summary>Calculates in a type that has arithmetic, from inputs that all have one type, and gives the node's.</summary>
    private string Calculate(string[] x, OnnxPair node, Func<string[], string> f, DType? result = null)
    {
        var dtype = node.First.Inputs[^1].DType;
        return As(f(Array.ConvertAll(x, input => As(input, dtype, dtype.Arithmetic()))), result ?? dtype.Arithmetic(), node.DType);
    }

    private string Scalar(double value, DType dtype) => graph.Constant(Tensor.Scalar(value, dtype).ToNdArray());

    /// <summary>The batch size at run time, int64 of shape (1).</summary>
    private string BatchSize() => batchSize ??= graph.Apply("Shape", [BatchInput!], Int("start", 0), Int("end", 1));
}
