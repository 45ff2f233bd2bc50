using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <content>Tangent, hyperbolic functions and their inverses.</content>
internal static partial class VectorMath
{
    /// <summary>tan x = sin x / cos x, x in radians; NaN at infinities.</summary>
    [MethodImpl(Inline)]
    public static V Tan<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        S.Divide(Sin<T, V, S>(x), Cos<T, V, S>(x));

    /// <summary>sinh x = (e + e/(e + 1))/2 with e = exp |x| − 1, and the sign of x.</summary>
    [MethodImpl(Inline)]
    public static V Sinh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var (half, a) = (S.Constant(0.5), S.Abs(x));
        var e = Expm1<T, V, S>(a);
        var small = S.Multiply(half, S.Add(e, S.Divide(e, S.Add(e, S.Constant(1)))));
        return WithSign<T, V, S>(S.Select(IsFar<T, V, S>(a), HalfExp<T, V, S>(a), small), x);
    }

    /// <summary>cosh x = (e + 1/e)/2 with e = exp |x|.</summary>
    [MethodImpl(Inline)]
    public static V Cosh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var (half, a) = (S.Constant(0.5), S.Abs(x));
        var e = Exp<T, V, S>(a);
        var small = S.Multiply(half, S.Add(e, S.Divide(S.Constant(1), e)));
        return S.Select(IsFar<T, V, S>(a), HalfExp<T, V, S>(a), small);
    }

    /// <summary>arsinh x = ln(1 + |x| + x²/(1 + √(1 + x²))), and the sign of x.</summary>
    [MethodImpl(Inline)]
    public static V ArcSinh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var (one, a) = (S.Constant(1), S.Abs(x));
        var square = S.Multiply(a, a);
        var near = Log1p<T, V, S>(S.Add(a, S.Divide(square, S.Add(one, S.Sqrt(S.Add(one, square))))));
        return WithSign<T, V, S>(S.Select(IsHuge<T, V, S>(a), LogOfTwice<T, V, S>(a), near), x);
    }

    /// <summary>arcosh x = ln(1 + t + √(t·(2 + t))) with t = x − 1; NaN below 1.</summary>
    [MethodImpl(Inline)]
    public static V ArcCosh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var one = S.Constant(1);
        var t = S.Subtract(x, one);
        var near = Log1p<T, V, S>(S.Add(t, S.Sqrt(S.Multiply(t, S.Add(S.Constant(2), t)))));
        var y = S.Select(IsHuge<T, V, S>(x), LogOfTwice<T, V, S>(x), near);
        return S.Select(S.Less(x, one), S.Constant(double.NaN), y);
    }

    /// <summary>artanh x = ½·ln(1 + 2|x|/(1 − |x|)), and the sign of x; ±∞ at ±1, NaN outside.</summary>
    [MethodImpl(Inline)]
    public static V ArcTanh<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var a = S.Abs(x);
        var y = S.Multiply(S.Constant(0.5), Log1p<T, V, S>(S.Divide(S.Add(a, a), S.Subtract(S.Constant(1), a))));
        return WithSign<T, V, S>(y, x);
    }

    /// <summary>eᵃ/2 without overflow where that does: (e^(a/2)/2)·e^(a/2).</summary>
    [MethodImpl(Inline)]
    private static V HalfExp<T, V, S>(V a) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var half = S.Constant(0.5);
        var root = Exp<T, V, S>(S.Multiply(a, half));
        return S.Multiply(S.Multiply(root, half), root);
    }

    // From there on e^(−a) vanishes beside eᵃ.
    [MethodImpl(Inline)]
    private static V IsFar<T, V, S>(V a) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        S.Less(S.Constant(typeof(T) == typeof(float) ? 20 : 40), a);

    // From there on 1 vanishes beside x², which may overflow.
    [MethodImpl(Inline)]
    private static V IsHuge<T, V, S>(V a) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        S.Less(S.Constant(typeof(T) == typeof(float) ? 1e5 : 1e10), a);

    [MethodImpl(Inline)]
    private static V LogOfTwice<T, V, S>(V a) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        S.Add(Log<T, V, S>(a), S.Constant(0.6931471805599453));
}
