namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Arrange => new()
    {
        ["diagonal"] = OpRow.Unary(x => x.Diagonal(1, 0, 2).Square()),
        ["diagonal below"] = OpRow.Unary(x => x.Diagonal(-1, 2, 1).Square()),
        ["diag"] = new(v => v[0].Diag(-1).Square(), [[3]]),
        ["diag of matrix"] = new(v => v[0].Diag(1).Square(), [[3, 4]]),
        ["trace"] = OpRow.Unary(x => x.Trace(0, 1, 2).Square()),
        ["tril, triu"] = OpRow.Unary(x => x.Tril(-1).Square() * 2 + x.Triu(1).Square()),
        ["pad"] = OpRow.Unary(x => x.Pad([(1, 0), (0, 2), (1, 1)], value: 0.5).Square()),
        ["pad edge"] = OpRow.Unary(x => x.Pad(2, PadMode.Edge).Square()),
        ["pad reflect"] = OpRow.Unary(x => x.Pad([(0, 3), (2, 0), (5, 4)], PadMode.Reflect).Square()),
        ["repeat"] = OpRow.Unary(x => x.Repeat(2, 1).Square()),
        ["repeat counts"] = OpRow.Unary(x => x.Repeat([2, 0, 1], 1).Square()),
        ["tile"] = OpRow.Unary(x => x.Tile(2, 1, 2, 1).Square()),
        ["roll"] = OpRow.Unary(x => x.Roll(3, 1) * x),
        ["roll flat"] = OpRow.Unary(x => x.Roll(-5) * x),
        ["flip all"] = OpRow.Unary(x => x.Flip() * x),
        ["unflatten"] = OpRow.Unary(x => x.Unflatten(2, 2, -1).Square()),
        ["unstack"] = OpRow.Unary(x => { var parts = x.Unstack(1); return parts[0] * parts[1] + parts[2]; }),
        ["contiguous"] = OpRow.Unary(x => x.T.Contiguous().Square()),

        // Between ½ and 1 sign and exponent are one number.
        ["view"] = OpRow.Unary(x => x * (x.View(DType.Int64) >> 52).AsType(DType.Float64), 0.6, 0.95),
        ["meshgrid"] = new(v => { var grids = Tensor.MeshGrid(v); return grids[0] * grids[1]; }, [[3], [2]]),
    };

    private static Dictionary<string, OpRow> Products => new()
    {
        ["einsum matmul"] = new(v => Tensor.Einsum("ij,kj->ki", v).Square(), [[2, 3], [4, 3]]),
        ["einsum chain"] = new(v => Tensor.Einsum("ab,bc,cd,d->a", v), [[2, 3], [3, 2], [2, 4], [4]]),
        ["einsum batch"] = new(v => Tensor.Einsum("...ij,...jk->...ik", v), [[2, 1, 2, 3], [3, 3, 2]]),
        ["einsum diagonal"] = new(v => Tensor.Einsum("iij,j->ij", v).Square(), [[3, 3, 2], [2]]),
        ["einsum sums alone"] = new(v => Tensor.Einsum("ij,kl->k", v), [[2, 3], [2, 2]]),
        ["einsum outer"] = new(v => Tensor.Einsum("i,j,i->ji", v), [[2], [3], [2]]),
        ["tensordot"] = new(v => Tensor.TensorDot(v[0], v[1]), [[2, 3, 2], [3, 2, 2]]),
        ["tensordot axes"] = new(v => Tensor.TensorDot(v[0], v[1], [0, 2], [1, 0]), [[2, 3, 4], [4, 2, 2]]),
        ["vecdot"] = OpRow.Binary((a, b) => Tensor.VecDot(a, b, 1)),
        ["inner"] = new(v => Tensor.Inner(v[0], v[1]), [[2, 3], [4, 3]]),
        ["outer"] = new(v => Tensor.Outer(v[0], v[1]), [[3], [2, 2]]),
        ["kron"] = new(v => Tensor.Kron(v[0], v[1]), [[2, 2], [3]]),
        ["addmm scaled"] = new(v => Tensor.AddMM(v[0], v[1], v[2], 0.5, 2), [[3], [2, 4], [4, 3]]),
    };
}
