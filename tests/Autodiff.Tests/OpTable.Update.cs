namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static readonly Tensor I = Tensor.From<int>([1, 0, 1, 1], [2, 2]), J = Tensor.From(2, 0), Repeated = Tensor.From(2, 0, 2, 1);

    // Values that meet at places 2 0 2 1 of the middle axis: (2, 4, 4) into (2, 3, 4).
    private static OpRow Meeting(Func<TensorUpdate, Tensor, Tensor> f, double low = -1, double high = 1) =>
        new(v => f(v[0].At[.., Repeated], v[1]).Square(), [[2, 3, 4], [2, 4, 4]], low, high);

    private static Dictionary<string, OpRow> Update => new()
    {
        ["index tensors"] = OpRow.Unary(x => x[I, J].Square()),
        ["index tensors apart"] = OpRow.Unary(x => x[I, 1.., J].Square()),
        ["index with number and new axis"] = OpRow.Unary(x => x[TensorIndex.NewAxis, 1, .., J].Square()),
        ["mask"] = OpRow.Unary(x => x[Tensor.From(true, false)].Square()),
        ["slice_update"] = new(v => v[0].At[1.., TensorIndex.Slice(step: -2)].Set(v[1]).Square(), [[2, 3, 4], [2, 4]]),
        ["slice add"] = new(v => v[0].At[1, 1..].Add(v[1]).Square(), [[2, 3, 4], [4]]),
        ["slice multiply, divide"] = new(v => v[0].At[.., 1].Multiply(v[1]).At[0].Divide(v[1]), [[2, 3, 4], [4]], 0.5, 2),
        ["scatter"] = Meeting((at, v) => at.Set(v)),
        ["scatter_add"] = Meeting((at, v) => at.Add(v)),
        ["scatter subtract"] = Meeting((at, v) => at.Subtract(v)),
        ["scatter_multiply"] = Meeting((at, v) => at.Multiply(v)),
        ["scatter_divide"] = Meeting((at, v) => at.Divide(v), 0.5, 1),
        ["scatter_max"] = Meeting((at, v) => at.Maximum(v)),
        ["scatter_min"] = Meeting((at, v) => at.Minimum(v)),
        ["scatter at combined indices"] = new(v => v[0].At[I, .., J].Add(v[1]).At[0, .., J].Set(v[2]).Square(), [[2, 3, 4], [2, 2, 3], [2, 3]]),
        ["scatter at indices that differ"] = new(v => v[0].At[(v[1] * 2).AsType(DType.Int32)].Multiply(v[1].ExpandDims(1)), [[2, 3], [4]], 0.1, 0.9),
        ["gather at indices that differ"] = new(v => v[0][(v[1] * 3).AsType(DType.Int32), 1].Square(), [[3, 4], [2]], 0.1, 0.9),
        ["mask update"] = new(v => v[0].At[v[0] > 0].Set(v[1]).Square(), [[2, 3, 4], []]),
        ["put_along_axis"] = new(v => v[0].PutAlongAxis(Tensor.From(new[,] { { 2, 0, 2 } }), v[1], 1).Square(), [[2, 4], [2, 3]]),
    };
}
