using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <content>Sine and cosine.</content>
internal static unsafe partial class VectorMath
{
    // Up to here the product of the quadrant's number with π/2 in three parts loses nothing; larger lanes are done by Math.
    private const double LargestReducible = 1e5;

    /// <summary>sin x, x in radians; NaN at infinities.</summary>
    /// <remarks>Off by at most 1.51 ulp in float, over every 997th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Sin<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var y = S.Select(S.Equal(x, S.Constant(0)), x, SinOrCos<T, V, S>(x, 0));
        var large = S.Less(S.Constant(LargestReducible), S.Abs(x));
        return S.Any(large) ? S.Select(large, SinPerLane<T, V, S>(x), y) : y;
    }

    /// <summary>cos x, x in radians; NaN at infinities.</summary>
    /// <remarks>Off by at most 1.54 ulp in float, over every 997th bit pattern.</remarks>
    [MethodImpl(Inline)]
    public static V Cos<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var y = SinOrCos<T, V, S>(x, 1);
        var large = S.Less(S.Constant(LargestReducible), S.Abs(x));
        return S.Any(large) ? S.Select(large, CosPerLane<T, V, S>(x), y) : y;
    }

    /// <summary>sin(x + quarters·π/2).</summary>
    [MethodImpl(Inline)]
    private static V SinOrCos<T, V, S>(V x, int quarters) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var n = S.Round(S.Multiply(x, S.Constant(0.6366197723675814)));
        var m = S.Negate(n);
        var (high, middle, low) = typeof(T) == typeof(float)
            ? (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)
            : (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33);
        var r = S.MultiplyAdd(m, S.Constant(high), x);
        r = S.MultiplyAdd(m, S.Constant(middle), r);
        r = S.MultiplyAdd(m, S.Constant(low), r);

        var z = S.Multiply(r, r);
        var sine = S.MultiplyAdd(S.Multiply(r, z), SinTail<T, V, S>(z), r);
        var cosine = S.MultiplyAdd(S.Multiply(z, z), CosTail<T, V, S>(z), S.MultiplyAdd(z, S.Constant(-0.5), S.Constant(1)));

        var quadrant = S.Add(n, S.Constant(quarters));
        quadrant = S.MultiplyAdd(S.Floor(S.Multiply(quadrant, S.Constant(0.25))), S.Constant(-4), quadrant);
        var odd = S.Or(S.Equal(quadrant, S.Constant(1)), S.Equal(quadrant, S.Constant(3)));
        var minus = S.And(S.Less(S.Constant(1), quadrant), S.Constant(-0.0));
        return S.Xor(S.Select(odd, cosine, sine), minus);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V SinPerLane<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        for (var i = 0; i < S.Width; i++)
        {
            if (typeof(T) == typeof(float)) ((float*)&x)[i] = (float)Math.Sin(((float*)&x)[i]);
            else ((double*)&x)[i] = Math.Sin(((double*)&x)[i]);
        }
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V CosPerLane<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        for (var i = 0; i < S.Width; i++)
        {
            if (typeof(T) == typeof(float)) ((float*)&x)[i] = (float)Math.Cos(((float*)&x)[i]);
            else ((double*)&x)[i] = Math.Cos(((double*)&x)[i]);
        }
        return x;
    }

    // (sin r − r)/r³ in z = r² for |r| ≤ π/4, to 2⁻³⁷ and 2⁻⁵⁷ of r.
    [MethodImpl(Inline)]
    private static V SinTail<T, V, S>(V z) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        if (typeof(T) == typeof(float))
        {
            var f = S.Constant(2.71793874e-06);
            f = S.MultiplyAdd(f, z, S.Constant(-0.000198392954));
            f = S.MultiplyAdd(f, z, S.Constant(0.00833332911));
            f = S.MultiplyAdd(f, z, S.Constant(-0.166666672));
            return f;
        }
        var d = S.Constant(1.5895209928646338e-10);
        d = S.MultiplyAdd(d, z, S.Constant(-2.5050731549028126e-08));
        d = S.MultiplyAdd(d, z, S.Constant(2.7557313527715894e-06));
        d = S.MultiplyAdd(d, z, S.Constant(-0.00019841269829351714));
        d = S.MultiplyAdd(d, z, S.Constant(0.008333333333321868));
        d = S.MultiplyAdd(d, z, S.Constant(-0.1666666666666663));
        return d;
    }

    // (cos r − 1 + r²/2)/r⁴ in z = r² for |r| ≤ π/4, to 2⁻³³ and 2⁻⁶⁴.
    [MethodImpl(Inline)]
    private static V CosTail<T, V, S>(V z) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        if (typeof(T) == typeof(float))
        {
            var f = S.Constant(2.44348375e-05);
            f = S.MultiplyAdd(f, z, S.Constant(-0.00138873374));
            f = S.MultiplyAdd(f, z, S.Constant(0.0416666456));
            return f;
        }
        var d = S.Constant(-1.1358561840961722e-11);
        d = S.MultiplyAdd(d, z, S.Constant(2.087570293442732e-09));
        d = S.MultiplyAdd(d, z, S.Constant(-2.755731420774161e-07));
        d = S.MultiplyAdd(d, z, S.Constant(2.480158728900059e-05));
        d = S.MultiplyAdd(d, z, S.Constant(-0.0013888888888873385));
        d = S.MultiplyAdd(d, z, S.Constant(0.041666666666666595));
        return d;
    }
}
