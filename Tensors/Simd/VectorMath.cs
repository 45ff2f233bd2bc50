using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <summary>Elementary functions over a lane witness, each written once for every width and for float and double.</summary>
/// <remarks>
/// Polynomials are minimax in relative error, by the Remez exchange in 50-digit arithmetic; arguments are reduced with
/// constants in two or three parts (Cody and Waite, Software Manual for the Elementary Functions, 1980) and fused multiply-adds.
/// </remarks>
internal static partial class VectorMath
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private const double Log2E = 1.4426950408889634;

    /// <summary>eˣ: 1 at 0, subnormal results rounded, +∞ above the range, 0 below, NaN at NaN.</summary>
    /// <remarks>Off by at most 1.00 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Exp<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        // Beyond these bounds the scaling below still gives 0 and infinity.
        x = typeof(T) == typeof(float)
            ? S.Clamp(x, S.Constant(-104), S.Constant(89))
            : S.Clamp(x, S.Constant(-746), S.Constant(710));
        var p = ReduceExp<T, V, S>(x, out var n);
        return S.ScaleByAnyPowerOfTwo(S.Add(p, S.Constant(1)), n);
    }

    /// <summary>a·2ⁿ where 2ⁿ itself may be too large or subnormal: the first step is exact, so the result is rounded once.</summary>
    [MethodImpl(Inline)]
    public static V ScaleInTwoSteps<T, V, S>(V a, V n) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var half = S.Floor(S.Multiply(n, S.Constant(0.5)));
        return S.ScaleByPowerOfTwo(S.ScaleByPowerOfTwo(a, half), S.Subtract(n, half));
    }

    /// <summary>eˣ − 1, accurate near 0; −0 stays −0.</summary>
    /// <remarks>Off by at most 1.44 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Expm1<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var y = typeof(T) == typeof(float)
            ? S.Clamp(x, S.Constant(-20), S.Constant(89))
            : S.Clamp(x, S.Constant(-40), S.Constant(710));
        var e = HalfExpm1<T, V, S>(y);
        return S.Select(S.Equal(x, S.Constant(0)), x, S.Add(e, e));
    }

    /// <summary>tanh x = −e/(e + 1) with e = ½·(exp(−2|x|) − 1), and the sign of x.</summary>
    /// <remarks>Off by at most 2.50 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Tanh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var bound = S.Constant(typeof(T) == typeof(float) ? -20 : -40);
        var y = S.Clamp(S.Multiply(S.Abs(x), S.Constant(-2)), bound, S.Constant(0));
        var e = HalfExpm1<T, V, S>(y);
        return WithSign<T, V, S>(S.Divide(S.Abs(e), S.Add(e, S.Constant(1))), x);
    }

    /// <summary>1/(1 + e⁻ˣ), as e/(1 + e) with e = eˣ for negative x: no overflow, and small results keep their digits.</summary>
    /// <remarks>Off by at most 2.34 ulp in float, over every 13th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Sigmoid<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var one = S.Constant(1);
        var e = Exp<T, V, S>(S.Negate(S.Abs(x)));
        return S.Divide(S.Select(S.Less(x, S.Constant(0)), e, one), S.Add(one, e));
    }

    // ½·(eˣ − 1) = s·p + (s − ½) with s = 2ⁿ⁻¹ and p = eʳ − 1: where n = 0 the bracket vanishes and p keeps all its digits.
    [MethodImpl(Inline)]
    private static V HalfExpm1<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var p = ReduceExp<T, V, S>(x, out var n);
        var s = S.ScaleByPowerOfTwo(S.Constant(1), S.Subtract(n, S.Constant(1)));
        return S.MultiplyAdd(s, p, S.Subtract(s, S.Constant(0.5)));
    }

    /// <summary>eʳ − 1 and integral n, where x = n·ln 2 + r and |r| ≤ ½·ln 2.</summary>
    [MethodImpl(Inline)]
    private static V ReduceExp<T, V, S>(V x, out V n) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        n = S.Round(S.Multiply(x, S.Constant(Log2E)));
        V r;
        if (typeof(T) == typeof(float))
        {
            r = S.MultiplyAdd(n, S.Constant(-0.6931471824645996), x);
            r = S.MultiplyAdd(n, S.Constant(1.904654299957768e-9), r);
        }
        else
        {
            r = S.MultiplyAdd(n, S.Constant(-0.6931471805599453), x);
            r = S.MultiplyAdd(n, S.Constant(-2.3190468138462996e-17), r);
        }
        return S.MultiplyAdd(S.Multiply(r, r), ExpTail<T, V, S>(r), r);
    }

    /// <summary>|magnitude| given without a sign, with the sign of x.</summary>
    [MethodImpl(Inline)]
    private static V WithSign<T, V, S>(V magnitude, V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        S.Or(magnitude, S.And(x, S.Constant(-0.0)));

    // (eʳ − 1 − r)/r² for |r| ≤ 0.3475, to 2⁻²⁸ and 2⁻⁶³ of eʳ.
    [MethodImpl(Inline)]
    private static V ExpTail<T, V, S>(V r) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        if (typeof(T) == typeof(float))
        {
            var f = S.Constant(0.00138142356);
            f = S.MultiplyAdd(f, r, S.Constant(0.00836889818));
            f = S.MultiplyAdd(f, r, S.Constant(0.0416684039));
            f = S.MultiplyAdd(f, r, S.Constant(0.166665196));
            f = S.MultiplyAdd(f, r, S.Constant(0.49999994));
            return f;
        }
        var d = S.Constant(2.082634855342487e-09);
        d = S.MultiplyAdd(d, r, S.Constant(2.5112344513951485e-08));
        d = S.MultiplyAdd(d, r, S.Constant(2.755758462526873e-07));
        d = S.MultiplyAdd(d, r, S.Constant(2.755723399427888e-06));
        d = S.MultiplyAdd(d, r, S.Constant(2.4801586920738205e-05));
        d = S.MultiplyAdd(d, r, S.Constant(0.0001984126989723548));
        d = S.MultiplyAdd(d, r, S.Constant(0.0013888888889120367));
        d = S.MultiplyAdd(d, r, S.Constant(0.008333333333316697));
        d = S.MultiplyAdd(d, r, S.Constant(0.04166666666666608));
        d = S.MultiplyAdd(d, r, S.Constant(0.16666666666666685));
        d = S.MultiplyAdd(d, r, S.Constant(0.5));
        return d;
    }
}
