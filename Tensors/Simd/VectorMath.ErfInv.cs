using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <content>The inverse error function.</content>
internal static partial class VectorMath
{
    /// <summary>The y with erf y = x; ±∞ at ±1, NaN outside.</summary>
    /// <remarks>
    /// y = x·p(w) with w = −ln(1 − x²), the single-precision polynomials of M. Giles, "Approximating the erfinv function"
    /// (GPU Computing Gems, 2010). In double one Halley step follows: with e = (erf y − x)·√π/2·e^(y²), y − e/(1 + y·e).
    /// </remarks>
    [MethodImpl(Inline)]
    public static V ErfInv<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var one = S.Constant(1);
        var w = S.Negate(Log<T, V, S>(S.Multiply(S.Subtract(one, x), S.Add(one, x))));

        var near = S.Subtract(w, S.Constant(2.5));
        var p = S.Constant(2.81022636e-08);
        p = S.MultiplyAdd(p, near, S.Constant(3.43273939e-07));
        p = S.MultiplyAdd(p, near, S.Constant(-3.5233877e-06));
        p = S.MultiplyAdd(p, near, S.Constant(-4.39150654e-06));
        p = S.MultiplyAdd(p, near, S.Constant(0.00021858087));
        p = S.MultiplyAdd(p, near, S.Constant(-0.00125372503));
        p = S.MultiplyAdd(p, near, S.Constant(-0.00417768164));
        p = S.MultiplyAdd(p, near, S.Constant(0.246640727));
        p = S.MultiplyAdd(p, near, S.Constant(1.50140941));

        var far = S.Subtract(S.Sqrt(w), S.Constant(3));
        var q = S.Constant(-0.000200214257);
        q = S.MultiplyAdd(q, far, S.Constant(0.000100950558));
        q = S.MultiplyAdd(q, far, S.Constant(0.00134934322));
        q = S.MultiplyAdd(q, far, S.Constant(-0.00367342844));
        q = S.MultiplyAdd(q, far, S.Constant(0.00573950773));
        q = S.MultiplyAdd(q, far, S.Constant(-0.0076224613));
        q = S.MultiplyAdd(q, far, S.Constant(0.00943887047));
        q = S.MultiplyAdd(q, far, S.Constant(1.00167406));
        q = S.MultiplyAdd(q, far, S.Constant(2.83297682));

        var y = S.Multiply(S.Select(S.Less(w, S.Constant(5)), p, q), x);
        if (typeof(T) == typeof(double))
        {
            var error = S.Subtract(Erf<T, V, S>(y), x);
            var e = S.Multiply(S.Multiply(error, S.Constant(0.88622692545275801)), Exp<T, V, S>(S.Multiply(y, y)));
            y = S.Subtract(y, S.Divide(e, S.MultiplyAdd(y, e, one)));
        }
        var infinite = S.Multiply(x, S.Constant(double.PositiveInfinity));
        return S.Select(S.Equal(S.Abs(x), one), infinite, y);
    }
}
