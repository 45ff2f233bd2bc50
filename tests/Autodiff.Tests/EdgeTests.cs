using Xunit;
using static ManagedFed.Tests.EveryTransform;

namespace ManagedFed.Tests;

/// <summary>Derivatives where a formula would be 0·∞ or ∞ − ∞, and at ties: the limit, or the choice that is documented.</summary>
public sealed class EdgeTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    private static readonly Dictionary<string, (Func<Tensor, Tensor> F, double[] X, double[] Gradient)> Cases = new()
    {
        ["maximum of 0"] = (x => Tensor.Maximum(x, 0), [-1, 0, -0.0, 2], [0, 0, 0, 1]),
        ["minimum of 1"] = (x => Tensor.Minimum(x, 1), [0, 1, 2], [1, 0, 0]),
        ["maximum of -1, then of 1"] = (x => Tensor.Minimum(Tensor.Maximum(x, -1), 1), [-2, -1, 0, 1, 2], [0, 0, 1, 0, 0]),
        ["maximum of two tensors"] = (x => Tensor.Maximum(x, x[..1]), [2, 1, 2, 3], [2.5, 0, 0.5, 1]),
        ["relu"] = (x => x.Relu(), [-1, 0, 2], [0, 0, 1]),
        ["clip"] = (x => x.Clip(-1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
        ["abs"] = (x => x.Abs(), [-2, 0, 3], [-1, 0, 1]),
        ["logaddexp of equal infinities"] = (x => Tensor.LogAddExp(x, x[..1]), [-Inf, -Inf], [1.5, 0.5]),
        ["logaddexp of equal large ones"] = (x => Tensor.LogAddExp(x, x[..1]), [Inf, Inf], [1.5, 0.5]),
        ["logaddexp of unequal infinities"] = (x => Tensor.LogAddExp(x, 0 - x), [-Inf, Inf, 0], [-1, 1, 0]),
        ["logsumexp with -inf"] = (x => x.LogSumExp(), [-Inf, 0, 0, -Inf], [0, 0.5, 0.5, 0]),
        ["logsumexp of -inf alone"] = (x => x.LogSumExp(), [-Inf, -Inf], [0.5, 0.5]),
        ["logsumexp with inf"] = (x => x.LogSumExp(), [Inf, 3, Inf, -Inf], [0.5, 0, 0.5, 0]),
        ["logcumsumexp that begins with -inf"] = (x => x.LogCumSumExp(0)[2..], [-Inf, -Inf, 0, 0], [0, 0, 1.5, 0.5]),
        ["softmax with -inf"] = (x => x.Softmax()[..1], [0, -Inf, 0], [0.25, 0, -0.25]),
        ["log_softmax with -inf"] = (x => x.LogSoftmax()[..1], [0, -Inf, 0], [0.5, 0, -0.5]),
        ["norm at 0"] = (x => x.Norm(), [0, 0, 0], [0, 0, 0]),
        ["norm 3 at 0"] = (x => x.Norm([], 3), [0, 0], [0, 0]),
        ["norm with a 0"] = (x => x.Norm(), [3, 0, 4], [0.6, 0, 0.8]),
        ["std of a constant"] = (x => x.Std(), [2, 2, 2], [0, 0, 0]),
        ["var of a constant"] = (x => x.Var([]), [2, 2, 2], [0, 0, 0]),
        ["prod with a zero"] = (x => x.Prod(), [2, 0, 3], [0, 6, 0]),
        ["prod with two zeros"] = (x => x.Prod(), [0, 0, 3], [0, 0, 0]),
        ["cumprod with a zero"] = (x => x.CumProd(0), [2, 0, 3], [1, 8, 0]),
        ["power 0 of 0"] = (x => x.Power(Tensor.Scalar(0, DType.Float64)), [0, 2], [0, 0]),
        ["power 1 of 0"] = (x => x.Power(Tensor.Scalar(1, DType.Float64)), [0, -0.0, 2, Inf], [1, 1, 1, 1]),
        ["power 3 of 0"] = (x => x.Power(3), [0, -2], [0, 12]),
        ["power 1/2 of 0"] = (x => x.Power(0.5), [0, 4], [Inf, 0.25]),
        ["power x of 0"] = (x => Tensor.Zeros([], DType.Float64).Power(x), [0, 2, 0.5], [0, 0, 0]),
        ["power x of inf"] = (x => Tensor.Full([], Inf, DType.Float64).Power(x), [-2, -1], [0, 0]),
        ["power -x of 0"] = (x => Tensor.Zeros([], DType.Float64).Power(x), [-2, -1], [-Inf, -Inf]),
        ["reciprocal at inf"] = (x => x.Reciprocal(), [Inf, -Inf, 2], [0, 0, -0.25]),
        ["divide by inf"] = (x => 1 / x, [Inf, 2], [0, -0.25]),
        ["arcsin at 1"] = (x => x.ArcSin(), [1, -1, 0], [Inf, Inf, 1]),
        ["arctan at inf"] = (x => x.ArcTan(), [Inf, -Inf, 1e200], [0, 0, 0]),
        ["arcsinh far out"] = (x => x.ArcSinh(), [Inf, 1e200, -1e200], [0, 1e-200, 1e-200]),
        ["arccosh far out"] = (x => x.ArcCosh(), [Inf, 1e200], [0, 1e-200]),
        ["arctan2 far out"] = (x => Tensor.ArcTan2(x, x.OnesLike() * 1e200), [1e200, Inf, 0], [0.5e-200, 0, 1e-200]),
        ["tanh at inf"] = (x => x.Tanh(), [Inf, -Inf], [0, 0]),
        ["sigmoid at inf"] = (x => x.Sigmoid(), [Inf, -Inf], [0, 0]),
        ["erf at inf"] = (x => x.Erf(), [Inf, -Inf], [0, 0]),
        ["exp at -inf"] = (x => x.Exp(), [-Inf, 0], [0, 1]),
        ["max with ties"] = (x => x.Max(), [1, 3, 3, 3], [0, 1 / 3.0, 1 / 3.0, 1 / 3.0]),
        ["max of infinities"] = (x => x.Max(), [Inf, 0, Inf], [0.5, 0, 0.5]),
        ["min of infinities"] = (x => x.Min(), [-Inf, 0, -Inf], [0.5, 0, 0.5]),
    };

    /// <summary>Functions whose derivative is infinite or NaN at some points, and these points.</summary>
    private static readonly Dictionary<string, (Func<Tensor, Tensor> F, double[] X)> Steep = new()
    {
        ["sqrt"] = (x => x.Sqrt(), [0, -1, NaN]),
        ["rsqrt"] = (x => x.Rsqrt(), [0, -1, NaN]),
        ["reciprocal"] = (x => x.Reciprocal(), [0, -0.0, NaN]),
        ["exp"] = (x => x.Exp(), [1000, Inf, NaN]),
        ["expm1"] = (x => x.Expm1(), [1000, Inf, NaN]),
        ["log"] = (x => x.Log(), [0, -1, NaN]),
        ["log1p"] = (x => x.Log1p(), [-1, -2, NaN]),
        ["log2"] = (x => x.Log2(), [0, -1, NaN]),
        ["log10"] = (x => x.Log10(), [0, -1, NaN]),
        ["abs"] = (x => x.Abs(), [NaN, Inf]),
        ["sin, cos, tan"] = (x => x.Sin() + x.Cos() + x.Tan(), [Inf, NaN]),
        ["sinh, cosh"] = (x => x.Sinh() + x.Cosh(), [1000, Inf, NaN]),
        ["arcsin, arccos"] = (x => x.ArcSin() + x.ArcCos(), [1, -1, 2, NaN]),
        ["arccosh"] = (x => x.ArcCosh(), [1, 0, NaN]),
        ["arctanh"] = (x => x.ArcTanh(), [1, -1, 2, NaN]),
        ["arctan2"] = (x => Tensor.ArcTan2(x, x), [0, NaN]),
        ["erfinv"] = (x => x.ErfInv(), [1, -1, 2, NaN]),
        ["divide"] = (x => 1 / x + x / x, [0, NaN, Inf]),
        ["remainder"] = (x => 5 % x, [0, NaN]),
        ["power"] = (x => x.Power(0.5) + x.Power(-1.0), [0, -1, NaN]),
        ["power to x"] = (x => (x - x - 2).Power(x), [NaN, 2]),
        ["std"] = (x => x.ExpandDims(1).BroadcastTo([2, 2]).Std(1), [1, 1]),
        ["norm"] = (x => x.ExpandDims(1).Norm(1), [0, 0]),
        ["norm 1/2"] = (x => x.ExpandDims(1).Norm(1, 0.5), [0, 0]),
        ["logaddexp"] = (x => Tensor.LogAddExp(x, -x), [NaN, Inf]),
        ["logsumexp"] = (x => x.ExpandDims(1).LogSumExp(1), [NaN, Inf, -Inf]),
        ["log_softmax"] = (x => Tensor.Stack([x, x], 1).LogSoftmax(1).Sum(1), [NaN, Inf, -Inf]),
        ["softmax"] = (x => Tensor.Stack([x, x], 1).Softmax(1).Sum(1), [NaN, Inf, -Inf]),
        ["max"] = (x => Tensor.Stack([x, x], 1).Max(1), [NaN, Inf]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    public static TheoryData<string> SteepNames => [.. Steep.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradient_AtAnEdge_IsTheLimitOrWhatIsDocumented(string name)
    {
        var (f, values, expected) = Cases[name];
        foreach (var dtype in (DType[])[DType.Float64, DType.Float32, DType.Float16, DType.BFloat16])
        {
            // Numbers beyond a type are another edge there.
            var largest = DTypes.FInfo(dtype).Max;
            if (values.Any(x => double.IsFinite(x) && Math.Abs(x) > largest)) continue;
            Equal(expected, f, Tensor.From<double>(values).AsType(dtype), $"{name} {dtype}");
        }
    }

    [Theory]
    [MemberData(nameof(SteepNames))]
    public void Gradient_OfAMaskedBranch_IsZero(string name)
    {
        var (f, values) = Steep[name];
        foreach (var dtype in (DType[])[DType.Float64, DType.Float32, DType.Float16, DType.BFloat16])
        {
            var x = Tensor.From<double>(values).AsType(dtype);
            var zeros = new double[values.Length];
            Equal(zeros, v => Tensor.Where(Tensor.Zeros(v.Shape, DType.Bool), f(v), v.ZerosLike()), x, $"{name} {dtype}");
            var tangent = Transforms.Jvp(f, x, x.ZerosLike()).Tangent;
            Assert.Equal(zeros, tangent.AsType(DType.Float64).ToArray<double>().Select(t => t + 0));
        }
    }
}
