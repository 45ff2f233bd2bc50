using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <content>Logarithms.</content>
internal static partial class VectorMath
{
    /// <summary>ln x: −∞ at 0, NaN below, exact exponents for subnormals.</summary>
    /// <remarks>Off by at most 0.81 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Log<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var f = ReduceLog<T, V, S>(x, out var e);
        return LogEdges<T, V, S>(x, LogOfParts<T, V, S>(f, e, S.Constant(0)));
    }

    /// <summary>ln(1 + x), accurate near 0; −0 stays −0.</summary>
    /// <remarks>Off by at most 0.83 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Log1p<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        // ln(1 + x) = ln u + c/u, where c is what rounding u = 1 + x lost (Kahan).
        var one = S.Constant(1);
        var u = S.Add(one, x);
        var lost = S.Select(S.Less(S.Abs(x), one), S.Subtract(x, S.Subtract(u, one)), S.Subtract(one, S.Subtract(u, x)));
        var f = ReduceLog<T, V, S>(u, out var e);
        var y = LogEdges<T, V, S>(u, LogOfParts<T, V, S>(f, e, S.Divide(lost, u)));
        return S.Select(S.Equal(x, S.Constant(0)), x, y);
    }

    /// <summary>The logarithm to base 2, exact at powers of two.</summary>
    /// <remarks>Off by at most 1.57 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Log2<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var f = ReduceLog<T, V, S>(x, out var e);
        var m = LogOfParts<T, V, S>(f, S.Constant(0), S.Constant(0));
        var low = S.Multiply(m, S.Constant(typeof(T) == typeof(float) ? 1.9259629911266175e-08 : 2.0355273740931033e-17));
        return LogEdges<T, V, S>(x, S.Add(S.MultiplyAdd(m, S.Constant(Log2E), low), e));
    }

    /// <summary>The logarithm to base 10.</summary>
    /// <remarks>Off by at most 1.60 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Log10<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var f = ReduceLog<T, V, S>(x, out var e);
        var m = LogOfParts<T, V, S>(f, S.Constant(0), S.Constant(0));
        // log₁₀2 in two parts, the first so short that its product with e is exact.
        var (high, low) = typeof(T) == typeof(float)
            ? (0.301025390625, 4.605038981195214e-06)
            : (0.3010299956658855, -1.9043128467164274e-12);
        var (log10E, rest) = typeof(T) == typeof(float)
            ? (0.4342944920063019, -1.0103050052231683e-08)
            : (0.4342944819032518, 1.098319650216765e-17);
        var small = S.MultiplyAdd(e, S.Constant(low), S.Multiply(m, S.Constant(rest)));
        return LogEdges<T, V, S>(x, S.MultiplyAdd(e, S.Constant(high), S.MultiplyAdd(m, S.Constant(log10E), small)));
    }

    /// <summary>f and integral e, where x = 2ᵉ·(1 + f) and √½ ≤ 1 + f &lt; √2, for positive finite x.</summary>
    [MethodImpl(Inline)]
    private static V ReduceLog<T, V, S>(V x, out V e) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var (smallestNormal, shift) = typeof(T) == typeof(float) ? (1.1754943508222875e-38, 24) : (2.2250738585072014e-308, 54);
        var tiny = S.Less(x, S.Constant(smallestNormal));
        x = S.Select(tiny, S.ScaleByPowerOfTwo(x, S.Constant(shift)), x);
        var m = S.Significand(x);
        var large = S.Less(S.Constant(1.4142135623730951), m);
        e = S.Add(S.Subtract(S.Exponent(x), S.And(tiny, S.Constant(shift))), S.And(large, S.Constant(1)));
        return S.Subtract(S.Select(large, S.Multiply(m, S.Constant(0.5)), m), S.Constant(1));
    }

    /// <summary>ln(2ᵉ·(1 + f)) + correction.</summary>
    /// <remarks>
    /// With s = f/(2 + f), ln(1 + f) = 2·artanh s = f − (f²/2 − s·(f²/2 + R(s²))): the large part f is not rounded (fdlibm's arrangement).
    /// </remarks>
    [MethodImpl(Inline)]
    private static V LogOfParts<T, V, S>(V f, V e, V correction) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        // ln 2 in two parts, the first so short that its product with e is exact.
        var (high, low) = typeof(T) == typeof(float)
            ? (0.693145751953125, 1.4286068203094173e-06)
            : (0.6931471806019545, -4.2009150726810846e-11);
        var s = S.Divide(f, S.Add(f, S.Constant(2)));
        var z = S.Multiply(s, s);
        var half = S.Multiply(S.Multiply(f, S.Constant(0.5)), f);
        var r = S.Multiply(z, LogTail<T, V, S>(z));
        var small = S.MultiplyAdd(s, S.Add(half, r), S.MultiplyAdd(e, S.Constant(low), correction));
        return S.MultiplyAdd(e, S.Constant(high), S.Subtract(f, S.Subtract(half, small)));
    }

    [MethodImpl(Inline)]
    private static V LogEdges<T, V, S>(V x, V log) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var zero = S.Constant(0);
        var infinity = S.Constant(double.PositiveInfinity);
        var edge = S.Select(S.Equal(x, infinity), x, S.Select(S.Equal(x, zero), S.Negate(infinity), S.Constant(double.NaN)));
        return S.Select(S.And(S.Less(zero, x), S.Less(x, infinity)), log, edge);
    }

    // (2·artanh s − 2s)/s³ in z = s² for √½ ≤ (1 + s)/(1 − s) ≤ √2, to 2⁻³⁰ and 2⁻⁵⁹ of the logarithm.
    [MethodImpl(Inline)]
    private static V LogTail<T, V, S>(V z) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        if (typeof(T) == typeof(float))
        {
            var f = S.Constant(0.298851967);
            f = S.MultiplyAdd(f, z, S.Constant(0.399770796));
            f = S.MultiplyAdd(f, z, S.Constant(0.666667819));
            return f;
        }
        var d = S.Constant(0.14811544563707563);
        d = S.MultiplyAdd(d, z, S.Constant(0.15312569390538439));
        d = S.MultiplyAdd(d, z, S.Constant(0.18183619010448335));
        d = S.MultiplyAdd(d, z, S.Constant(0.22222197586824083));
        d = S.MultiplyAdd(d, z, S.Constant(0.28571428751309486));
        d = S.MultiplyAdd(d, z, S.Constant(0.3999999999937794));
        d = S.MultiplyAdd(d, z, S.Constant(0.666666666666674));
        return d;
    }
}
