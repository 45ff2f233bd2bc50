namespace ManagedFed.Tests;

/// <summary>A function to be tried over the whole range of float16 and bfloat16.</summary>
/// <param name="F">Of one, two or three tensors of one shape; element by element, or along the last axis.</param>
/// <param name="Arity">How many.</param>
/// <param name="Absolute">What the derivative may be off beside units of its last place: float32 takes it as a difference from 1.</param>
/// <param name="Largest">Up to which magnitude, where steps of float32, of bfloat16's own range, would leave it beyond.</param>
/// <param name="Along">True for functions along the last axis, whose sums round to units of their largest term.</param>
internal sealed record RangeRow(Func<Tensor[], Tensor> F, int Arity, double Absolute, double Largest, bool Along)
{
    public static RangeRow Map(Func<Tensor, Tensor> f, double absolute = 0, double largest = double.MaxValue) => new(v => f(v[0]), 1, absolute, largest, false);

    public static RangeRow Zip(Func<Tensor, Tensor, Tensor> f, double absolute = 0, double largest = double.MaxValue) => new(v => f(v[0], v[1]), 2, absolute, largest, false);

    public static RangeRow Row(Func<Tensor, Tensor> f, double absolute = 0, double largest = double.MaxValue) => new(v => f(v[0]), 1, absolute, largest, true);
}

/// <summary>Every function whose steps or derivatives could leave the range of a half, or lose its digits.</summary>
internal static class RangeTable
{
    // Differences from 1 in float32.
    private const double One = 1.0 / (1 << 22);

    public static IReadOnlyDictionary<string, RangeRow> Rows { get; } = new Dictionary<string, RangeRow>
    {
        ["negative"] = RangeRow.Map(x => -x),
        ["abs"] = RangeRow.Map(x => x.Abs()),
        ["sign, floor, ceil, round"] = RangeRow.Map(x => x.Sign() + x.Floor() * 0 + x.Ceiling() * 0 + x.Round() * 0, largest: 1e30),
        ["trunc"] = RangeRow.Map(x => x.Trunc()),
        ["round to decimals"] = RangeRow.Map(x => x.Round(2), largest: 1e36),
        ["round to hundreds"] = RangeRow.Map(x => x.Round(-2)),
        ["square"] = RangeRow.Map(x => x.Square()),
        ["sqrt"] = RangeRow.Map(x => x.Sqrt()),
        ["rsqrt"] = RangeRow.Map(x => x.Rsqrt()),
        ["reciprocal"] = RangeRow.Map(x => x.Reciprocal()),
        ["exp"] = RangeRow.Map(x => x.Exp()),
        ["expm1"] = RangeRow.Map(x => x.Expm1(), One),
        ["log"] = RangeRow.Map(x => x.Log()),
        ["log1p"] = RangeRow.Map(x => x.Log1p()),
        ["log2"] = RangeRow.Map(x => x.Log2()),
        ["log10"] = RangeRow.Map(x => x.Log10()),
        ["sin"] = RangeRow.Map(x => x.Sin()),
        ["cos"] = RangeRow.Map(x => x.Cos()),
        ["tan"] = RangeRow.Map(x => x.Tan()),
        ["sinh"] = RangeRow.Map(x => x.Sinh()),
        ["cosh"] = RangeRow.Map(x => x.Cosh()),
        ["tanh"] = RangeRow.Map(x => x.Tanh(), One),
        ["sigmoid"] = RangeRow.Map(x => x.Sigmoid(), One),
        ["erf"] = RangeRow.Map(x => x.Erf(), One),
        ["erfinv"] = RangeRow.Map(x => x.ErfInv()),
        ["arcsin"] = RangeRow.Map(x => x.ArcSin()),
        ["arccos"] = RangeRow.Map(x => x.ArcCos()),
        ["arctan"] = RangeRow.Map(x => x.ArcTan()),
        ["arcsinh"] = RangeRow.Map(x => x.ArcSinh()),
        ["arccosh"] = RangeRow.Map(x => x.ArcCosh()),
        ["arctanh"] = RangeRow.Map(x => x.ArcTanh(), largest: 1),
        ["degrees"] = RangeRow.Map(x => x.Degrees()),
        ["radians"] = RangeRow.Map(x => x.Radians()),
        ["relu"] = RangeRow.Map(x => x.Relu()),
        ["clip"] = RangeRow.Map(x => x.Clip(-2, 3)),
        ["maximum of a number"] = RangeRow.Map(x => Tensor.Maximum(x, 0.5)),
        ["nan_to_num"] = RangeRow.Map(x => x.NanToNum()),
        ["power 3"] = RangeRow.Map(x => x.Power(3)),
        ["power 1/2"] = RangeRow.Map(x => x.Power(0.5)),
        ["power -1"] = RangeRow.Map(x => x.Power(-1.0)),
        ["add"] = RangeRow.Zip((a, b) => a + b),
        ["subtract"] = RangeRow.Zip((a, b) => a - b),
        ["multiply"] = RangeRow.Zip((a, b) => a * b),
        ["divide"] = RangeRow.Zip((a, b) => a / b),
        ["power"] = RangeRow.Zip((a, b) => Tensor.Maximum(a.Abs(), 1.0 / (1 << 20)).Power(b)),
        ["maximum"] = RangeRow.Zip(Tensor.Maximum),
        ["minimum"] = RangeRow.Zip(Tensor.Minimum),
        ["logaddexp"] = RangeRow.Zip(Tensor.LogAddExp, One),
        ["arctan2"] = RangeRow.Zip(Tensor.ArcTan2),
        ["where"] = RangeRow.Zip((a, b) => Tensor.Where(a > b, a, b)),
        ["isclose"] = RangeRow.Zip((a, b) => Tensor.IsClose(a, b, 0.01).AsType(a.DType) * a),
        ["vecdot"] = new(v => Tensor.VecDot(v[0].Abs(), v[1].Abs()).ExpandDims(-1), 2, 0, 1e15, true),
        ["median"] = RangeRow.Row(x => x.Median(-1, keepDims: true)),
        ["sum"] = RangeRow.Row(x => x.Sum(-1, keepDims: true), largest: 1e36),
        ["mean"] = RangeRow.Row(x => x.Mean(-1, keepDims: true), largest: 1e36),
        ["var"] = RangeRow.Row(x => x.Var([-1], keepDims: true), largest: 1e18),
        ["std"] = RangeRow.Row(x => x.Std(-1, keepDims: true), largest: 1e36),
        ["norm"] = RangeRow.Row(x => x.Norm(-1, keepDims: true), largest: 1e37),
        ["norm 1"] = RangeRow.Row(x => x.Norm(-1, 1, keepDims: true), largest: 1e37),
        ["norm 3"] = RangeRow.Row(x => x.Norm(-1, 3, keepDims: true), largest: 1e37),
        ["norm infinity"] = RangeRow.Row(x => x.Norm(-1, double.PositiveInfinity, keepDims: true)),
        ["max, min"] = RangeRow.Row(x => x.Max(-1, keepDims: true) - x.Min(-1, keepDims: true), largest: 1e38),
        ["prod"] = RangeRow.Row(x => x.Prod(-1, keepDims: true), largest: 30000),
        ["logsumexp"] = RangeRow.Row(x => x.LogSumExp(-1, keepDims: true), One),
        ["softmax"] = RangeRow.Row(x => x.Softmax(), One),
        ["log_softmax"] = RangeRow.Row(x => x.LogSoftmax(), One, 1e36),
        ["cumsum"] = RangeRow.Row(x => x.CumSum(-1), largest: 1e36),
        ["cumprod"] = RangeRow.Row(x => x.CumProd(-1), largest: 30000),
        ["cummax, cummin"] = RangeRow.Row(x => x.CumMax(-1) - x.CumMin(-1), largest: 1e38),
        ["logcumsumexp"] = RangeRow.Row(x => x.LogCumSumExp(-1), One, 1e36),
        ["sort"] = RangeRow.Row(x => x.Sort()),
    };
}
