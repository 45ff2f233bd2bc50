namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Index => new()
    {
        ["slice"] = OpRow.Unary(x => x.Slice(2, 3, 2, -2).Square()),
        ["index"] = OpRow.Unary(x => x[1].Square() * x[-1, 0]),
        ["range"] = OpRow.Unary(x => x[.., 1..].Square()),
        ["take"] = OpRow.Unary(x => x.Take(Tensor.From(2, 0, 2, -1), 1).Square()),
        ["gather rows"] = OpRow.Unary(x => x[Tensor.From<int>([1, 0, 1, 1], [2, 2])].Square()),
        ["from_start"] = OpRow.Unary(x => x.Take(Tensor.From(2, 0, 2, 1).FromStart("take", 1, 3), 1).Square()),
        ["take_along_axis"] = OpRow.Unary(x => x.TakeAlongAxis(Tensor.From<int>([0, 2, 2, 1, 1, 0, 0, 0], [2, 1, 4]), 1).Square()),
    };
}
