namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Tensor Integers(Tensor x) => (x * 8).AsType(DType.Int32);

    private static Dictionary<string, OpRow> Maths => new()
    {
        ["tan"] = OpRow.Unary(x => x.Tan()),
        ["sinh"] = OpRow.Unary(x => x.Sinh()),
        ["cosh"] = OpRow.Unary(x => x.Cosh()),
        ["arcsin"] = OpRow.Unary(x => x.ArcSin(), -0.8, 0.8),
        ["arccos"] = OpRow.Unary(x => x.ArcCos(), -0.8, 0.8),
        ["arctan"] = OpRow.Unary(x => x.ArcTan(), -2, 2),
        ["arctan2"] = OpRow.Binary(Tensor.ArcTan2, 0.3, 1),
        ["arcsinh"] = OpRow.Unary(x => x.ArcSinh(), -2, 2),
        ["arccosh"] = OpRow.Unary(x => x.ArcCosh(), 1.5, 3),
        ["arctanh"] = OpRow.Unary(x => x.ArcTanh(), -0.8, 0.8),
        ["degrees, radians"] = OpRow.Unary(x => x.Degrees().Radians().Square()),
        ["bitwise"] = OpRow.Binary((a, b) => a * ((Integers(a) & Integers(b)) + (Integers(a) | Integers(b)) - (Integers(a) ^ Integers(b))).AsType(DType.Float64), 0.3),
        ["invert, shifts"] = OpRow.Unary(x => x * ((~Integers(x) << 2) + (Integers(x) >> 1)).AsType(DType.Float64), 0.3),
        ["nan_to_num"] = OpRow.Unary(x => x.NanToNum().Square()),
        ["trunc, round decimals"] = OpRow.Unary(x => x * x + x.Trunc() + x.Round(-1)),
        ["divmod"] = OpRow.Binary((a, b) => { var (q, r) = Tensor.DivMod(a, b + 4); return q + r * r; }, 0.1),
        ["isclose"] = OpRow.Binary((a, b) => Tensor.Where(Tensor.IsClose(a, b, 0.5), a * b, a - b)),
        ["std"] = OpRow.Unary(x => x.Std([1], ddof: 1)),
        ["norm"] = OpRow.Unary(x => x.Norm(1)),
        ["norm all"] = OpRow.Unary(x => x.Norm()),
        ["norm 1, inf"] = OpRow.Unary(x => x.Norm(2, 1) + x.Norm(2, double.PositiveInfinity)),
        ["norm 3"] = OpRow.Unary(x => x.Norm([0, 2], 3, keepDims: true), 0.2),
        ["norm -1"] = OpRow.Unary(x => x.Norm(1, -1), 0.4),
    };
}
