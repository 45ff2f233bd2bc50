namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> MatMul => new()
    {
        ["matmul"] = new(v => v[0].MatMul(v[1]), [[3, 4], [4, 5]], -1, 1),
        ["matmul transposed"] = new(v => v[0].T.MatMul(v[1].T), [[4, 3], [5, 4]], -1, 1),
        ["matmul vector"] = new(v => v[0].MatMul(v[1]), [[4], [4, 5]], -1, 1),
        ["matmul vectors"] = new(v => v[0].MatMul(v[1]), [[4], [4]], -1, 1),
        ["matmul batched"] = new(v => v[0].MatMul(v[1]), [[2, 1, 3, 4], [3, 4, 2]], -1, 1),
        ["matmul stack by matrix"] = new(v => v[0].MatMul(v[1]), [[2, 3, 4], [4, 5]], -1, 1),
        ["addmm"] = new(v => Tensor.AddMM(v[0], v[1], v[2]).Square(), [[5], [3, 4], [4, 5]], -1, 1),
        ["addmm matrix"] = new(v => Tensor.AddMM(v[0], v[1], v[2]), [[3, 5], [3, 4], [4, 5]], -1, 1),
    };
}
