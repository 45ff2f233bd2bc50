using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>Accuracy of tangent, hyperbolic functions and inverses: within 4 units of the last place.</summary>
public sealed class HyperbolicTests
{
    private sealed record Function(Action<NdArray, NdArray, SimdWidth> Run, Func<double, double> Reference);

    private static readonly Dictionary<string, Function> Functions = new()
    {
        ["tan"] = new(Map.Run<Tan>, Math.Tan),
        ["sinh"] = new(Map.Run<Sinh>, Math.Sinh),
        ["cosh"] = new(Map.Run<Cosh>, Math.Cosh),
        ["arcsinh"] = new(Map.Run<ArcSinh>, Math.Asinh),
        ["arccosh"] = new(Map.Run<ArcCosh>, Math.Acosh),
        ["arctanh"] = new(Map.Run<ArcTanh>, Math.Atanh),
        ["arcsin"] = new(Map.Run<ArcSin>, Math.Asin),
        ["arccos"] = new(Map.Run<ArcCos>, Math.Acos),
        ["arctan"] = new(Map.Run<ArcTan>, Math.Atan),
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    /// <summary>Correctly rounded values, computed with 60 digits by mpmath.</summary>
    private static readonly (string Name, double X, double Y)[] Recorded =
    [
        ("tan", 1e-300, 1e-300),
        ("tan", 1e-09, 1e-09),
        ("tan", 0.3, 0.30933624960962325),
        ("tan", 0.785, 0.9992039901050427),
        ("tan", 1.5, 14.101419947171719),
        ("tan", 1.5707963267948966, 1.633123935319537e+16),
        ("tan", 2.0, -2.185039863261519),
        ("tan", -3.0, 0.1425465430742778),
        ("tan", 12.5, -0.0664682418632742),
        ("tan", 100.25, -0.2885993172779075),
        ("tan", 99999.5, -0.593675854528733),
        ("tan", 1000000.0, -0.373624453987599),
        ("sinh", 1e-300, 1e-300),
        ("sinh", 1e-09, 1e-09),
        ("sinh", 0.1, 0.10016675001984403),
        ("sinh", 0.3, 0.3045202934471426),
        ("sinh", 0.7, 0.7585837018395335),
        ("sinh", 1.0, 1.1752011936438014),
        ("sinh", 2.5, 6.0502044810397875),
        ("sinh", -5.0, -74.20321057778875),
        ("sinh", 19.5, 147133783.0207544),
        ("sinh", 39.9, 1.0649269854425712e+17),
        ("sinh", 40.1, 1.3007047572587552e+17),
        ("sinh", 100.0, 1.3440585709080678e+43),
        ("sinh", 709.9, 1.010701028059782e+308),
        ("sinh", 710.4, 1.6663642832806496e+308),
        ("cosh", 1e-09, 1.0),
        ("cosh", 0.1, 1.0050041680558035),
        ("cosh", 0.3, 1.0453385141288605),
        ("cosh", 0.7, 1.255169005630943),
        ("cosh", 1.0, 1.5430806348152437),
        ("cosh", 2.5, 6.132289479663686),
        ("cosh", -5.0, 74.20994852478785),
        ("cosh", 19.5, 147133783.0207544),
        ("cosh", 39.9, 1.0649269854425712e+17),
        ("cosh", 40.1, 1.3007047572587552e+17),
        ("cosh", 100.0, 1.3440585709080678e+43),
        ("cosh", 709.9, 1.010701028059782e+308),
        ("cosh", 710.4, 1.6663642832806496e+308),
        ("arcsinh", 1e-300, 1e-300),
        ("arcsinh", 1e-09, 1e-09),
        ("arcsinh", 0.1, 0.09983407889920756),
        ("arcsinh", 0.3, 0.29567304756342244),
        ("arcsinh", 0.7, 0.6526665660823557),
        ("arcsinh", 1.0, 0.881373587019543),
        ("arcsinh", -2.5, -1.6472311463710958),
        ("arcsinh", 50.0, 4.605270170991424),
        ("arcsinh", 100000.0, 12.206072645555174),
        ("arcsinh", 9900000000.0, 23.7089477746469),
        ("arcsinh", 11000000000.0, 23.814308290304727),
        ("arcsinh", 1e+200, 461.2101657793691),
        ("arccosh", 1.0000000001, 1.4142136208675862e-05),
        ("arccosh", 1.001, 0.04471763360830685),
        ("arccosh", 1.1, 0.4435682543851154),
        ("arccosh", 1.5, 0.9624236501192069),
        ("arccosh", 2.0, 1.3169578969248168),
        ("arccosh", 3.7, 1.9826969446812033),
        ("arccosh", 50.0, 4.6050701709847575),
        ("arccosh", 100000.0, 12.206072645505174),
        ("arccosh", 9900000000.0, 23.7089477746469),
        ("arccosh", 11000000000.0, 23.814308290304727),
        ("arccosh", 1e+200, 461.2101657793691),
        ("arctanh", 1e-300, 1e-300),
        ("arctanh", 1e-09, 1e-09),
        ("arctanh", 0.1, 0.10033534773107558),
        ("arctanh", 0.3, 0.3095196042031117),
        ("arctanh", -0.5, -0.5493061443340549),
        ("arctanh", 0.7, 0.8673005276940531),
        ("arctanh", 0.99, 2.6466524123622457),
        ("arctanh", 0.9999999, 8.40562139102231),
        ("arcsin", 1e-09, 1e-09),
        ("arcsin", 0.3, 0.3046926540153975),
        ("arcsin", -0.5, -0.5235987755982989),
        ("arcsin", 0.99, 1.4292568534704693),
        ("arccos", 1e-09, 1.5707963257948967),
        ("arccos", 0.3, 1.2661036727794992),
        ("arccos", -0.5, 2.0943951023931957),
        ("arccos", 0.99, 0.1415394733244273),
        ("arctan", 1e-09, 1e-09),
        ("arctan", 0.3, 0.2914567944778671),
        ("arctan", -2.5, -1.1902899496825317),
        ("arctan", 10000000000.0, 1.5707963266948965),
    ];

    [Theory, MemberData(nameof(Names))]
    public void Float_SampledOverAllBitPatterns_StaysWithinFourUlp(string name)
    {
        const int Samples = 1 << 19;
        var f = Functions[name];
        var x = NdArray.Zeros([Samples]);
        for (var i = 0; i < Samples; i++) x.AsSpan<float>()[i] = BitConverter.UInt32BitsToSingle((uint)i * 8191);
        var y = NdArray.Zeros([Samples]);
        f.Run(x, y, SimdLevel.Best);
        for (var i = 0; i < Samples; i++)
        {
            var v = x.AsSpan<float>()[i];
            var error = Ulps(y.AsSpan<float>()[i], f.Reference(v), DType.Float32);
            if (!(error <= 4)) Assert.Fail($"{name}({v:R}) is {y.AsSpan<float>()[i]:R}, off by {error} ulp");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Double_RecordedValues_StayWithinFourUlp(string name)
    {
        var rows = Recorded.Where(row => row.Name == name).ToArray();
        Assert.NotEmpty(rows);
        foreach (var width in EveryWidth)
        {
            var y = NdArray.Zeros([rows.Length], DType.Float64);
            Functions[name].Run(NdArray.From<double>([.. rows.Select(row => row.X)]), y, width);
            for (var i = 0; i < rows.Length; i++) Close(rows[i].Y, y.AsSpan<double>()[i], DType.Float64, 4, () => $"{name}({rows[i].X:R}) {width}");
        }
    }

    [Fact]
    public void Functions_SpecialValues_AreExact()
    {
        const double Inf = double.PositiveInfinity, NaN = double.NaN;
        (string Name, double[] X, double[] Y)[] rows =
        [
            ("tan", [0, -0.0, Inf, NaN], [0, -0.0, NaN, NaN]),
            ("sinh", [0, -0.0, Inf, -Inf, 1000, -1000, NaN], [0, -0.0, Inf, -Inf, Inf, -Inf, NaN]),
            ("cosh", [0, -0.0, Inf, -Inf, 1000, NaN], [1, 1, Inf, Inf, Inf, NaN]),
            ("arcsinh", [0, -0.0, Inf, -Inf, NaN], [0, -0.0, Inf, -Inf, NaN]),
            ("arccosh", [1, Inf, 0.5, -3, -Inf, NaN], [0, Inf, NaN, NaN, NaN, NaN]),
            ("arctanh", [0, -0.0, 1, -1, 2, -Inf, NaN], [0, -0.0, Inf, -Inf, NaN, NaN, NaN]),
        ];
        foreach (var (name, x, expected) in rows)
        {
            foreach (var dtype in new[] { DType.Float32, DType.Float64 })
            {
                var y = NdArray.Zeros([x.Length], dtype);
                Functions[name].Run(Array(x, [x.Length], dtype), y, SimdLevel.Best);
                Assert.Equal(expected.Select(BitConverter.DoubleToInt64Bits), Values(y).Select(v => BitConverter.DoubleToInt64Bits(double.IsNaN(v) ? NaN : v)));
            }
        }
    }
}
