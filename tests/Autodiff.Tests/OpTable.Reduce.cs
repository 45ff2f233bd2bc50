namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Reduce => new()
    {
        ["sum"] = OpRow.Unary(x => x.Sum().Square()),
        ["sum axis"] = OpRow.Unary(x => x.Sum(0).Square()),
        ["sum axes keepdims"] = OpRow.Unary(x => x.Sum([0, 2], keepDims: true).Square()),
        ["mean"] = OpRow.Unary(x => x.Mean(-1).Square()),
        ["var"] = OpRow.Unary(x => x.Var([1], ddof: 1)),
        ["max"] = OpRow.Unary(x => x.Max(1).Square()),
        ["min all"] = OpRow.Unary(x => x.Min().Square()),
        ["prod"] = OpRow.Unary(x => x.Prod(-1)),
        ["prod axes"] = OpRow.Unary(x => x.Prod([0, 1])),
        ["logsumexp"] = OpRow.Unary(x => x.LogSumExp(-1)),
        ["logsumexp axes"] = OpRow.Unary(x => x.LogSumExp([0, 2], keepDims: true)),
        ["softmax"] = OpRow.Unary(x => x.Softmax()),
        ["softmax axis"] = OpRow.Unary(x => x.Softmax(0)),
        ["log_softmax"] = OpRow.Unary(x => x.LogSoftmax(1)),
        ["log_softmax last axis"] = OpRow.Unary(x => x.LogSoftmax().Square()),
        ["cross_entropy"] = new(v => v[0].CrossEntropy(Tensor.From<uint>(2, 0, 3)).Square(), [[3, 4]], -1, 1),
        ["all, any"] = OpRow.Unary(x => x * x * ((x > 0).All([1], keepDims: true).AsType(DType.Float64) + (x > 0).Any([0], keepDims: true).AsType(DType.Float64))),
        ["argmax, argmin"] = OpRow.Unary(x => x * x * (x.ArgMax(1, keepDims: true).AsType(DType.Float64) + x.ArgMin(0, keepDims: true).AsType(DType.Float64))),
    };
}
