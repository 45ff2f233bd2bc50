using System.Numerics;
using ManagedFed.Kernels;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>// and % beside NumPy's rules, worked with whole numbers, for every type and vector width.</summary>
public sealed class FloorDivisionTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Floats_OfSpecialAndOrdinaryValues_AreThoseOfNumPy(DType dtype)
    {
        var info = DTypes.FInfo(dtype);
        var tiny = info.SmallestNormal * info.Epsilon;
        double[] ordinary = [0, 1, 2, 3, 7, 0.1, 1.0 / 3, 5.5, 1000, info.Max, info.SmallestNormal, tiny, 3 * tiny, Inf];
        double[] all = [.. ordinary.Concat(ordinary.Select(x => -x)).Select(x => Rounded(x, dtype)), NaN];
        double[] a = [.. all.SelectMany(x => all.Select(_ => x))], b = [.. all.SelectMany(_ => all)];
        foreach (var width in EveryWidth)
        {
            // Also without its first elements, so that each stands in whole vectors and in the rest.
            for (var start = 0; start < 17; start++)
            {
                var (x, y) = (Array(a[start..], [a.Length - start], dtype), Array(b[start..], [a.Length - start], dtype));
                var (quotients, rests) = (NdArray.Zeros(x.Shape, dtype), NdArray.Zeros(x.Shape, dtype));
                Zip.Run<FloorDivide>(x, y, quotients, width);
                Zip.Run<Remainder>(x, y, rests, width);
                var (q, r) = (Values(quotients), Values(rests));
                for (var i = 0; i < q.Length; i++)
                {
                    var (p, d) = (a[start + i], b[start + i]);
                    Same(Rounded(Quotient(p, d), dtype), q[i], $"{width} {p:R} // {d:R}");
                    Same(Rounded(Rest(p, d), dtype), r[i], $"{width} {p:R} % {d:R}");
                }
            }
        }
    }

    [Theory]
    [InlineData(DType.Int8)]
    [InlineData(DType.Int16)]
    [InlineData(DType.Int32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt8)]
    [InlineData(DType.UInt16)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.UInt64)]
    public void Integers_OfAnyValues_FloorAndFitTogether(DType dtype)
    {
        // The largest 64-bit integers are no doubles: nearby ones are.
        var info = DTypes.IInfo(dtype);
        var (min, max) = ((double)info.Min, info.Bits == 64 ? Math.ScaleB(1, 62) : (double)info.Max);
        double[] all = [.. new[] { min, min + 1, -100, -8, -7, -3, -2, -1, 0, 1, 2, 3, 7, 8, 100, max / 2 - 0.5, max }
            .Select(Math.Floor).Where(x => x >= min).Distinct()];
        double[] a = [.. all.SelectMany(x => all.Select(_ => x))], b = [.. all.SelectMany(_ => all)];
        foreach (var width in EveryWidth)
        {
            var (x, y) = (Array(a, [a.Length], dtype), Array(b, [a.Length], dtype));
            var (quotients, rests) = (NdArray.Zeros(x.Shape, dtype), NdArray.Zeros(x.Shape, dtype));
            Zip.Run<FloorDivide>(x, y, quotients, width);
            Zip.Run<Remainder>(x, y, rests, width);
            for (var i = 0; i < a.Length; i++)
            {
                var (p, d) = (new BigInteger(a[i]), new BigInteger(b[i]));
                var q = d.IsZero ? 0 : Floor(p, d);
                var r = d.IsZero ? 0 : p - q * d;
                if (q > (BigInteger)info.Max) q = p;
                Assert.True(Nearest(q) == Values(quotients)[i], $"{width} {p} // {d}: {Values(quotients)[i]}, expected {q}");
                Assert.True(Nearest(r) == Values(rests)[i], $"{width} {p} % {d}: {Values(rests)[i]}, expected {r}");
            }
        }
    }

    // The conversion of BigInteger drops digits.
    private static double Nearest(BigInteger x) => x.Sign < 0 ? (long)x : (double)(ulong)x;

    private static double Quotient(double a, double b)
    {
        if (double.IsNaN(a) || double.IsNaN(b) || double.IsInfinity(a)) return b == 0 && !double.IsNaN(a) ? a / b : NaN;
        if (b == 0) return a / b;
        var differ = a != 0 && a < 0 != b < 0;
        if (double.IsInfinity(b)) return differ ? -1 : a / b;
        var (p, d) = Whole(a, b);
        var q = Floor(p, d);
        return q.IsZero ? Math.CopySign(0, a / b) : (double)q;
    }

    private static double Rest(double a, double b)
    {
        if (double.IsNaN(a) || double.IsNaN(b) || double.IsInfinity(a) || b == 0) return NaN;
        if (a == 0) return Math.CopySign(0, b);
        if (double.IsInfinity(b)) return a < 0 == b < 0 ? a : b;
        var (p, d) = Whole(a, b);
        var r = p - Floor(p, d) * d;
        return r.IsZero ? Math.CopySign(0, b) : Math.ScaleB((double)r, -1074);
    }

    /// <summary>Both numbers in units of the least double.</summary>
    private static (BigInteger, BigInteger) Whole(double a, double b)
    {
        static BigInteger Units(double x)
        {
            var bits = BitConverter.DoubleToInt64Bits(Math.Abs(x));
            var (exponent, fraction) = ((int)(bits >> 52), bits & ((1L << 52) - 1));
            var units = exponent == 0 ? fraction : (BigInteger)(fraction | 1L << 52) << (exponent - 1);
            return x < 0 ? -units : units;
        }
        return (Units(a), Units(b));
    }

    private static BigInteger Floor(BigInteger a, BigInteger b)
    {
        var q = BigInteger.DivRem(a, b, out var r);
        return !r.IsZero && r.Sign != b.Sign ? q - 1 : q;
    }

    private static double Rounded(double x, DType dtype) => Values(Array([x], [1], dtype))[0];

    private static void Same(double expected, double actual, string what)
    {
        // Quotients beyond the digits of the type may be off by one unit.
        var near = Math.Abs(expected) > 1000 && Math.Abs(actual - expected) <= Math.Abs(expected) * Math.ScaleB(1, -7);
        var same = expected.Equals(actual) && double.IsNegative(expected) == double.IsNegative(actual);
        Assert.True(same || near || double.IsNaN(expected) && double.IsNaN(actual), $"{what}: {actual:R}, expected {expected:R}");
    }
}
