using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>Accuracy of the elementary functions, in units of the last place (ulp).</summary>
public sealed class VectorMathTests
{
    private sealed record Function(string Name, Action<NdArray, NdArray, SimdWidth> Run, Func<double, double> Reference, double Tolerance);

    private static Function Of<F>(Func<double, double> reference, double tolerance) where F : IUnary =>
        new(typeof(F).Name.ToLowerInvariant(), Map.Run<F>, reference, tolerance);

    private static readonly Function[] Functions =
    [
        Of<Exp>(Math.Exp, 2),
        Of<Expm1>(Expm1, 2),
        Of<Log>(Math.Log, 2),
        Of<Log1p>(Log1p, 2),
        Of<Log2>(Math.Log2, 2),
        Of<Log10>(Math.Log10, 2),
        Of<Tanh>(Math.Tanh, 4),
        Of<Sigmoid>(x => 1 / (1 + Math.Exp(-x)), 4),
        Of<Erf>(Erf, 4),
        Of<Sin>(Math.Sin, 2),
        Of<Cos>(Math.Cos, 2),
    ];

    public static TheoryData<string> Names => [.. Functions.Select(f => f.Name)];

    /// <summary>Correctly rounded values, computed with 60 digits by mpmath 1.3.</summary>
    private static readonly (string Name, double X, double Y)[] Recorded =
    [
        ("erf", 1e-300, 1.1283791670955126e-300),
        ("erf", 1e-09, 1.1283791670955127e-09),
        ("erf", 0.03125, 0.035250373867322826),
        ("erf", 0.3, 0.3286267594591274),
        ("erf", 0.7, 0.6778011938374184),
        ("erf", 0.9999, 0.8426592780487595),
        ("erf", 1.0, 0.8427007929497149),
        ("erf", 1.0001, 0.8427422995485203),
        ("erf", 1.25, 0.9229001282564583),
        ("erf", 1.75, 0.9866716712191824),
        ("erf", 2.5, 0.999593047982555),
        ("erf", 3.3, 0.9999969422902035),
        ("erf", 4.7, 0.9999999999700474),
        ("erf", 5.8, 0.9999999999999998),
        ("erf", -0.6, -0.6038560908479259),
        ("erf", -2.2, -0.9981371537020182),
        ("expm1", 1e-300, 1e-300),
        ("expm1", 1e-12, 1.0000000000005e-12),
        ("expm1", 0.001, 0.0010005001667083417),
        ("expm1", 0.3, 0.3498588075760031),
        ("expm1", 0.34657, 0.4142084849595797),
        ("expm1", 0.3466, 0.41425091185052865),
        ("expm1", 0.6, 0.8221188003905089),
        ("expm1", 1.03972, 1.8284249444824976),
        ("expm1", 1.0398, 1.8286512275292575),
        ("expm1", 5.5, 243.69193226422038),
        ("expm1", 50.5, 8.548134287298057e+21),
        ("expm1", 709.5, 1.3549863193146328e+308),
        ("expm1", -1e-09, -9.999999995e-10),
        ("expm1", -0.2, -0.18126924692201815),
        ("expm1", -0.34, -0.2882296772373903),
        ("expm1", -0.35, -0.29531191028128656),
        ("expm1", -0.9, -0.5934303402594009),
        ("expm1", -1.1, -0.6671289163019205),
        ("expm1", -4.5, -0.9888910034617577),
        ("expm1", -36.0, -0.9999999999999998),
        ("log1p", 1e-300, 1e-300),
        ("log1p", 1e-12, 9.999999999995e-13),
        ("log1p", 1e-05, 9.999950000333332e-06),
        ("log1p", 0.03, 0.0295588022415444),
        ("log1p", 0.4, 0.33647223662121295),
        ("log1p", 0.4143, 0.3466347090443171),
        ("log1p", 1.0, 0.6931471805599453),
        ("log1p", 2.5, 1.252762968495368),
        ("log1p", 10000000000.0, 23.025850930040455),
        ("log1p", 1e+300, 690.7755278982137),
        ("log1p", -1e-09, -1.0000000005000001e-09),
        ("log1p", -0.1, -0.10536051565782631),
        ("log1p", -0.29, -0.3424903089467759),
        ("log1p", -0.3, -0.35667494393873234),
        ("log1p", -0.9, -2.302585092994046),
        ("log1p", -0.999999, -13.815510557935518),
        ("tanh", 1e-300, 1e-300),
        ("tanh", 1e-07, 9.999999999999966e-08),
        ("tanh", 0.01, 0.00999966667999946),
        ("tanh", 0.2, 0.197375320224904),
        ("tanh", 0.55, 0.5005202111902353),
        ("tanh", 0.9, 0.7162978701990245),
        ("tanh", 1.7, 0.935409070603099),
        ("tanh", 3.5, 0.9981778976111987),
        ("tanh", 9.5, 0.9999999887944072),
        ("tanh", 18.0, 0.9999999999999996),
        ("tanh", -0.125, -0.12435300177159621),
        ("tanh", -2.4, -0.9836748576936802),
        ("sigmoid", 0.0, 0.5),
        ("sigmoid", 1e-09, 0.50000000025),
        ("sigmoid", 0.3, 0.574442516811659),
        ("sigmoid", 1.9, 0.8698915256370021),
        ("sigmoid", 7.7, 0.9995473777767595),
        ("sigmoid", 30.0, 0.9999999999999064),
        ("sigmoid", -0.3, 0.425557483188341),
        ("sigmoid", -1.9526, 0.12427013129229854),
        ("sigmoid", -7.7, 0.000452622223240535),
        ("sigmoid", -30.5, 5.6756852326324e-14),
        ("sigmoid", -300.25, 4.009422364622857e-131),
        ("sigmoid", -709.0, 1.216780750623423e-308),
        ("sigmoid", -740.0, 4.2e-322),
        ("exp", 1e-300, 1.0),
        ("exp", 0.34657, 1.4142084849595797),
        ("exp", 0.3466, 1.4142509118505286),
        ("exp", 1.5, 4.4816890703380645),
        ("exp", 10.25, 28282.541920334977),
        ("exp", 700.5, 1.6721859620674984e+304),
        ("exp", -0.5, 0.6065306597126334),
        ("exp", -20.25, 1.6052280551856116e-09),
        ("exp", -700.5, 5.980196118639791e-305),
        ("exp", -710.0, 4.47628622567513e-309),
        ("exp", -740.0, 4.2e-322),
        ("exp", -744.9, 5e-324),
        ("log", 5e-324, -744.4400719213812),
        ("log", 1e-310, -713.8013788281542),
        ("log", 1e-300, -690.7755278982137),
        ("log", 0.1, -2.3025850929940455),
        ("log", 0.7071, -0.346583180371942),
        ("log", 0.7072, -0.3464417676587033),
        ("log", 0.999999, -1.000000500029089e-06),
        ("log", 1.000001, 9.999994999180668e-07),
        ("log", 1.4142, 0.3465640001880033),
        ("log", 1.4143, 0.34663470904431704),
        ("log", 2.0, 0.6931471805599453),
        ("log", 10.0, 2.302585092994046),
        ("log", 1e+300, 690.7755278982137),
        ("log2", 5e-324, -1074.0),
        ("log2", 0.125, -3.0),
        ("log2", 0.7071, -0.5000138355781258),
        ("log2", 0.999999, -1.4426957622784505e-06),
        ("log2", 1.000001, 1.4426943194232382e-06),
        ("log2", 3.0, 1.584962500721156),
        ("log2", 1024.0, 10.0),
        ("log2", 1e+300, 996.5784284662087),
        ("log10", 5e-324, -323.3062153431158),
        ("log10", 0.125, -0.9030899869919435),
        ("log10", 0.7071, -0.15051916275601382),
        ("log10", 0.999999, -4.34294699063126e-07),
        ("log10", 1.000001, 4.3429426472042774e-07),
        ("log10", 3.0, 0.47712125471966244),
        ("log10", 1000.0, 3.0),
        ("log10", 1e+300, 300.0),
        ("sin", 1e-300, 1e-300),
        ("sin", 0.01, 0.009999833334166664),
        ("sin", 0.785, 0.706825181105366),
        ("sin", 0.786, 0.707532215844074),
        ("sin", 1.5707963267948966, 1.0),
        ("sin", 3.141592653589793, 1.2246467991473532e-16),
        ("sin", 2.4, 0.675463180551151),
        ("sin", 6.283185307179586, -2.4492935982947064e-16),
        ("sin", 100.5, -0.030959966783271346),
        ("sin", 12345.678, -0.7040813137533816),
        ("sin", 99999.9, 0.13533980676109594),
        ("sin", 1000000.0, -0.34999350217129294),
        ("sin", 1e+22, -0.8522008497671888),
        ("sin", -0.5, -0.479425538604203),
        ("cos", 1e-300, 1.0),
        ("cos", 0.01, 0.9999500004166653),
        ("cos", 0.785, 0.7073882691671998),
        ("cos", 0.786, 0.7066810904097934),
        ("cos", 1.5707963267948966, 6.123233995736766e-17),
        ("cos", 4.71238898038469, -1.8369701987210297e-16),
        ("cos", 2.4, -0.7373937155412454),
        ("cos", 6.2, 0.9965420970232175),
        ("cos", 100.5, 0.9995206253283515),
        ("cos", 12345.678, 0.7101193587160628),
        ("cos", 99999.9, -0.990799241373281),
        ("cos", 1000000.0, 0.9367521275331447),
        ("cos", 1e+22, 0.523214785395139),
        ("cos", -0.5, 0.8775825618903728),
    ];

    [Theory, MemberData(nameof(Names))]
    public void Float_SampledOverAllBitPatterns_StaysWithinTolerance(string name)
    {
        var f = Functions.Single(f => f.Name == name);
        const int Samples = 1 << 20;
        const uint Stride = 4099;
        var x = NdArray.Zeros([Samples]);
        for (var i = 0; i < Samples; i++) x.AsSpan<float>()[i] = BitConverter.UInt32BitsToSingle((uint)i * Stride);
        var y = NdArray.Zeros([Samples]);
        f.Run(x, y, SimdLevel.Best);
        var (worst, at) = (0.0, 0.0f);
        for (var i = 0; i < Samples; i++)
        {
            var v = x.AsSpan<float>()[i];
            var error = Ulps(y.AsSpan<float>()[i], f.Reference(v), DType.Float32);
            if (error > worst) (worst, at) = (error, v);
        }
        Assert.True(worst <= f.Tolerance, $"{worst} ulp at {at:R}");
    }

    [Theory, MemberData(nameof(Names))]
    public void Widths_SameValues_AreBitIdentical(string name)
    {
        var f = Functions.Single(f => f.Name == name);
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        {
            double[] values = [.. Enumerable.Range(-1000, 2001).Select(i => i * Math.Abs(i) * 1e-4), double.NaN, double.NegativeInfinity, 1e-310, 1e30];
            var x = Array(values, [values.Length], dtype);
            var results = EveryWidth.Select(width =>
            {
                var y = NdArray.Zeros(x.Shape, dtype);
                f.Run(x, y, width);
                return Values(y);
            }).ToArray();
            Assert.Equal(results[0], results[1]);
            Assert.Equal(results[0], results[2]);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Double_RecordedValues_StayWithinFourUlp(string name)
    {
        var f = Functions.Single(f => f.Name == name);
        var rows = Recorded.Where(r => r.Name == name).ToArray();
        Assert.NotEmpty(rows);
        foreach (var width in EveryWidth)
        {
            var x = NdArray.From<double>([.. rows.Select(r => r.X)]);
            var y = NdArray.Zeros(x.Shape, DType.Float64);
            f.Run(x, y, width);
            for (var i = 0; i < rows.Length; i++) Close(rows[i].Y, y.AsSpan<double>()[i], DType.Float64, 4, () => $"{name} row {i} {width}");
        }
    }

    [Fact]
    public void Functions_SpecialValues_AreExact()
    {
        const double Inf = double.PositiveInfinity, NaN = double.NaN;
        (string Name, double[] X, double[] Y)[] rows =
        [
            ("exp", [0, -0.0, Inf, -Inf, NaN, 1000, -1000], [1, 1, Inf, 0, NaN, Inf, 0]),
            ("expm1", [0, -0.0, Inf, -Inf, NaN, 1000, -1000], [0, -0.0, Inf, -1, NaN, Inf, -1]),
            ("log", [0, -0.0, 1, Inf, -Inf, -1, -1e-40, NaN], [-Inf, -Inf, 0, Inf, NaN, NaN, NaN, NaN]),
            ("log1p", [0, -0.0, -1, Inf, -Inf, -2, NaN], [0, -0.0, -Inf, Inf, NaN, NaN, NaN]),
            ("log2", [0, 1, 2, 0.125, 1024, Inf, -1, NaN], [-Inf, 0, 1, -3, 10, Inf, NaN, NaN]),
            ("log10", [0, 1, Inf, -1, NaN], [-Inf, 0, Inf, NaN, NaN]),
            ("tanh", [0, -0.0, Inf, -Inf, 100, -100, NaN], [0, -0.0, 1, -1, 1, -1, NaN]),
            ("sigmoid", [0, -0.0, Inf, -Inf, 1000, -1000, NaN], [0.5, 0.5, 1, 0, 1, 0, NaN]),
            ("erf", [0, -0.0, Inf, -Inf, 10, -10, NaN], [0, -0.0, 1, -1, 1, -1, NaN]),
            ("sin", [0, -0.0, Inf, -Inf, NaN], [0, -0.0, NaN, NaN, NaN]),
            ("cos", [0, -0.0, Inf, -Inf, NaN], [1, 1, NaN, NaN, NaN]),
        ];
        foreach (var (name, values, expected) in rows)
        {
            foreach (var dtype in new[] { DType.Float32, DType.Float64 })
            {
                foreach (var width in EveryWidth)
                {
                    var x = Array(values, [values.Length], dtype);
                    var y = NdArray.Zeros(x.Shape, dtype);
                    Functions.Single(f => f.Name == name).Run(x, y, width);
                    // Equality of bits, but for NaN: zeros keep their sign.
                    Assert.Equal(
                        expected.Select(v => double.IsNaN(v) ? 0x7FF8 : BitConverter.DoubleToInt64Bits(v)),
                        Values(y).Select(v => double.IsNaN(v) ? 0x7FF8 : BitConverter.DoubleToInt64Bits(v)));
                }
            }
        }
    }

    [Theory, InlineData("tanh"), InlineData("erf"), InlineData("sin")]
    public void OddFunctions_NegatedArgument_NegateTheResult(string name)
    {
        var f = Functions.Single(f => f.Name == name);
        double[] values = [.. Enumerable.Range(0, 3000).Select(i => i * i * 1e-6)];
        foreach (var dtype in new[] { DType.Float32, DType.Float64 })
        {
            NdArray plus = NdArray.Zeros([values.Length], dtype), minus = NdArray.Zeros([values.Length], dtype);
            f.Run(Array(values, [values.Length], dtype), plus, SimdLevel.Best);
            f.Run(Array([.. values.Select(v => -v)], [values.Length], dtype), minus, SimdLevel.Best);
            Assert.Equal(Values(plus), Values(minus).Select(v => -v));
        }
    }

    private static double Expm1(double x)
    {
        if (Math.Abs(x) > 0.5) return Math.Exp(x) - 1;
        double sum = 0, term = x;
        for (var n = 2; n < 20; term *= x / n++) sum += term;
        return sum;
    }

    private static double Log1p(double x)
    {
        if (!(Math.Abs(x) < 0.1)) return Math.Log(1 + x);
        double sum = 0, power = x;
        for (var n = 1; n < 20; n++, power *= -x) sum += power / n;
        return sum;
    }

    /// <summary>2/√π·e^(−x²)·Σ 2ⁿx²ⁿ⁺¹/(2n + 1)!!: all terms have one sign, so that nothing cancels.</summary>
    private static double Erf(double x)
    {
        if (!(Math.Abs(x) < 6)) return double.IsNaN(x) ? x : Math.Sign(x);
        double sum = 0, term = x;
        for (var n = 1; sum + term != sum; n++)
        {
            sum += term;
            term *= 2 * x * x / (2 * n + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
