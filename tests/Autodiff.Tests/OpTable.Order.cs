namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Order => new()
    {
        ["cumsum"] = OpRow.Unary(x => x.CumSum(1).Square()),
        ["cumsum flat, reverse, exclusive"] = OpRow.Unary(x => x.CumSum(reverse: true, exclusive: true).Square()),
        ["cumprod"] = OpRow.Unary(x => x.CumProd(-1)),
        ["cumprod reverse, exclusive"] = OpRow.Unary(x => x.CumProd(1, reverse: true, exclusive: true)),
        ["cummax"] = OpRow.Unary(x => x.CumMax(1).Square()),
        ["cummax exclusive"] = OpRow.Unary(x => x.CumMax(2, exclusive: true).Slice(2, 1, 3).Square()),
        ["cummin"] = OpRow.Unary(x => x.CumMin(0, reverse: true).Square()),
        ["logcumsumexp"] = OpRow.Unary(x => x.LogCumSumExp(2)),
        ["logcumsumexp reverse"] = OpRow.Unary(x => x.LogCumSumExp(1, reverse: true).Square()),
        ["sort"] = OpRow.Unary(x => x.Sort().Square() * Weights(4)),
        ["sort axis"] = OpRow.Unary(x => x.Sort(1).Square() * Weights(4)),
        ["argsort"] = OpRow.Unary(x => x * x.ArgSort(0).AsType(DType.Float64)),
        ["topk"] = OpRow.Unary(x => x.TopK(2, 1).Values.Square()),
        ["partition"] = OpRow.Unary(x => x.Partition(1).Square().Slice(2, 0, 2)),
        ["searchsorted"] = OpRow.Binary((a, b) => a * a.Sort().SearchSorted(b).AsType(DType.Float64)),
        ["searchsorted in one row"] = new(v => v[1] * v[0].Sort().SearchSorted(v[1]).AsType(DType.Float64), [[5], [2, 3]]),
        ["median"] = OpRow.Unary(x => x.Median(1).Square()),
        ["median of an even number"] = OpRow.Unary(x => x.Median([0, 2], keepDims: true).Square()),
    };

    private static Tensor Weights(int n) => Tensor.Arange(1, n + 1, 1, DType.Float64);
}
