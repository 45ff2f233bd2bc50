using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>Functions at ±0, ±∞, NaN, subnormal and extreme numbers beside those of .NET in double, at every vector width and place.</summary>
public sealed class SpecialValueTests
{
    private delegate void Kernel(NdArray x, NdArray y, NdArray dst, SimdWidth width);

    /// <param name="Run">The kernel.</param>
    /// <param name="Reference">The same in double.</param>
    /// <param name="Units">How many units of the last place it may be off.</param>
    /// <param name="Arity">1 or 2.</param>
    private sealed record Row(Kernel Run, Func<double, double, double> Reference, double Units, int Arity);

    private static Row Map<F>(Func<double, double> f, double units = 0) where F : IUnary => new((x, _, dst, width) => RunMap<F>(x, dst, width), (x, _) => f(x), units, 1);

    private static Row Zip<F>(Func<double, double, double> f, double units = 0) where F : IBinary => new((x, y, dst, width) => ManagedFed.Kernels.Zip.Run<F>(x, y, dst, width), f, units, 2);

    private static void RunMap<F>(NdArray x, NdArray dst, SimdWidth width) where F : IUnary => ManagedFed.Kernels.Map.Run<F>(x, dst, width);

    private static readonly Dictionary<string, Row> Rows = new()
    {
        ["negative"] = Map<Negative>(x => -x),
        ["abs"] = Map<Abs>(Math.Abs),
        ["sign"] = Map<Sign>(x => double.IsNaN(x) ? x : Math.Sign(x)),
        ["square"] = Map<Square>(x => x * x, 0.5),
        ["sqrt"] = Map<Sqrt>(Math.Sqrt, 0.5),
        ["rsqrt"] = Map<Rsqrt>(x => 1 / Math.Sqrt(x), 1.5),
        ["reciprocal"] = Map<Reciprocal>(x => 1 / x, 0.5),
        ["floor"] = Map<Floor>(Math.Floor),
        ["ceil"] = Map<Ceiling>(Math.Ceiling),
        ["round"] = Map<Round>(x => Math.Round(x, MidpointRounding.ToEven)),
        ["relu"] = Map<Relu>(x => x > 0 || double.IsNaN(x) ? x : 0),
        ["exp"] = Map<Exp>(Math.Exp, 2),
        ["expm1"] = Map<Expm1>(x => Math.Abs(x) < 1e-9 ? x : double.ExpM1(x), 4),
        ["log"] = Map<Log>(Math.Log, 2),
        ["log1p"] = Map<Log1p>(x => Math.Abs(x) < 1e-9 ? x : double.LogP1(x), 4),
        ["log2"] = Map<Log2>(Math.Log2, 3),
        ["log10"] = Map<Log10>(Math.Log10, 3),
        ["tanh"] = Map<Tanh>(Math.Tanh, 4),
        ["sigmoid"] = Map<Sigmoid>(x => x > 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x)), 4),
        ["sinh"] = Map<Sinh>(Math.Sinh, 4),
        ["cosh"] = Map<Cosh>(Math.Cosh, 4),
        ["arcsin"] = Map<ArcSin>(Math.Asin, 1),
        ["arccos"] = Map<ArcCos>(Math.Acos, 1),
        ["arctan"] = Map<ArcTan>(Math.Atan, 1),
        ["arcsinh"] = Map<ArcSinh>(Math.Asinh, 4),
        ["arccosh"] = Map<ArcCosh>(Math.Acosh, 4),
        ["arctanh"] = Map<ArcTanh>(Math.Atanh, 4),
        ["add"] = Zip<Add>((a, b) => a + b, 0.5),
        ["subtract"] = Zip<Subtract>((a, b) => a - b, 0.5),
        ["multiply"] = Zip<Multiply>((a, b) => a * b, 0.5),
        ["divide"] = Zip<Divide>((a, b) => a / b, 0.5),
        ["maximum"] = Zip<Maximum>(Math.Max),
        ["minimum"] = Zip<Minimum>(Math.Min),
        ["power"] = Zip<Power>(Math.Pow, 1),
        ["arctan2"] = Zip<ArcTan2>(Math.Atan2, 1),
        ["zero_product"] = Zip<ZeroProduct>((a, b) => a == 0 || b == 0 ? 0 : a * b, 0.5),
        ["zero_quotient"] = Zip<ZeroQuotient>((a, b) => a == 0 ? 0 : a / b, 0.5),
    };

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Function_AtSpecialValues_IsThatOfIeee(string name)
    {
        var row = Rows[name];
        foreach (var dtype in (DType[])[DType.Float32, DType.Float64, DType.Float16, DType.BFloat16])
        {
            var info = DTypes.FInfo(dtype);
            var tiny = info.SmallestNormal * info.Epsilon;
            double[] positive = [0, tiny, 3 * tiny, info.SmallestNormal - tiny, info.SmallestNormal, info.Epsilon, 0.5, 1 - info.Epsilon / 2, 1, 1 + info.Epsilon, 2, 3, info.Max, double.PositiveInfinity];
            double[] all = [.. positive.Concat(positive.Select(x => -x)), double.NaN];
            double[] a = row.Arity == 1 ? all : [.. all.SelectMany(x => all.Select(_ => x))];
            double[] b = row.Arity == 1 ? all : [.. all.SelectMany(_ => all)];
            foreach (var width in EveryWidth)
            {
                // From each start on, so that every value stands in a whole vector and in the rest.
                for (var start = 0; start < 16; start++)
                {
                    var (x, y) = (Array(a[start..], [a.Length - start], dtype), Array(b[start..], [a.Length - start], dtype));
                    var dst = NdArray.Zeros(x.Shape, dtype);
                    row.Run(x, y, dst, width);
                    var (p, q, found) = (Values(x), Values(y), Values(dst));
                    for (var i = 0; i < found.Length; i++)
                    {
                        var expected = row.Reference(p[i], q[i]);
                        if (dtype is DType.Float16 or DType.BFloat16 && Math.Abs(expected) >= info.Max * (1 + info.Epsilon / 4)) expected *= double.PositiveInfinity;
                        var what = $"{name} {dtype} {width} of {p[i]:R}{(row.Arity == 2 ? $" and {q[i]:R}" : "")}";
                        Close(expected, found[i], dtype, row.Units, () => what);
                    }
                }
            }
        }
    }

    [Fact]
    public void Table_OfFunctions_MissesNoFormulaOfOneOrTwoNumbers()
    {
        var formulas = typeof(IFormula).Assembly.GetTypes().Where(type => type is { IsValueType: true, IsNestedPrivate: false, IsGenericType: false }
            && (typeof(IUnary).IsAssignableFrom(type) || typeof(IBinary).IsAssignableFrom(type))).Select(type => type.Name);
        var known = Rows.Keys.Select(name => name.Replace("_", "", StringComparison.Ordinal));

        // Checked by tests of their own: functions that .NET has not, divisions, bits, and gradients of results.
        string[] elsewhere = [
            "BitwiseAnd", "BitwiseInvert", "BitwiseOr", "BitwiseXor", "Cos", "Erf", "ErfInv", "FloorDivide", "LeftShift", "LogAddExp",
            "ReluGrad", "Remainder", "RightShift", "SigmoidGrad", "Sin", "Tan", "TanhGrad",
        ];
        Assert.Equal(elsewhere, formulas.Where(formula => !known.Contains(formula.Replace("Ceiling", "Ceil", StringComparison.Ordinal).ToLowerInvariant())).Order(StringComparer.Ordinal));
    }
}
