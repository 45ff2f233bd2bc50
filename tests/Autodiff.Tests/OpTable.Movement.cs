using ManagedFed.Ops;

namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Movement => new()
    {
        ["reshape"] = OpRow.Unary(x => x.Reshape(4, -1).Square()),
        ["flatten"] = OpRow.Unary(x => x.Flatten(1).Square()),
        ["transpose"] = OpRow.Unary(x => x.Transpose(2, 0, 1).Square()),
        ["moveaxis, swapaxes"] = OpRow.Unary(x => x.MoveAxis(0, -1).SwapAxes(0, 1).Square()),
        ["expand, squeeze"] = OpRow.Unary(x => x.ExpandDims(1).Squeeze(1).Square()),
        ["broadcast_to"] = new(v => v[0].BroadcastTo([2, 3, 4]).Square(), [[3, 1]], -1, 1),
        ["concatenate"] = OpRow.Binary((a, b) => Tensor.Concatenate([a, b.Square(), a], 1).Square()),
        ["stack"] = OpRow.Binary((a, b) => Tensor.Stack([a, b], -1).Square()),
        ["split"] = OpRow.Unary(x => { var parts = x.Split(2, -1); return parts[0] * parts[1]; }),
        ["split at"] = OpRow.Unary(x => { var parts = x.Split([1], 1); return parts[0].Sum() * parts[1].Square(); }),
        ["flip"] = OpRow.Unary(x => x.Flip(1) * x),
        ["copy"] = OpRow.Unary(x => Tensor.Apply(new Duplicate(), x).Square()),
        ["depends"] = OpRow.Binary((a, b) => Tensor.Apply(Depends.Instance, a, b) * b),
    };
}
