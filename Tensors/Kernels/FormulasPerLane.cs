using System.Numerics;
using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>A formula computed one element after another, where exactness wants scalar instructions.</summary>
internal interface IScalarBinary
{
    static abstract T Invoke<T>(T a, T b) where T : unmanaged, INumber<T>;
}

/// <summary>Applies a scalar formula to every lane.</summary>
internal static unsafe class PerLane
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static V Invoke<T, V, S, TFormula>(V a, V b)
        where T : unmanaged where V : unmanaged where S : ISimd<T, V> where TFormula : IScalarBinary
    {
        if (typeof(T) == typeof(float)) Apply<float, TFormula>((float*)&a, (float*)&b, S.Width);
        else if (typeof(T) == typeof(double)) Apply<double, TFormula>((double*)&a, (double*)&b, S.Width);
        else if (typeof(T) == typeof(int)) Apply<int, TFormula>((int*)&a, (int*)&b, S.Width);
        else if (typeof(T) == typeof(uint)) Apply<uint, TFormula>((uint*)&a, (uint*)&b, S.Width);
        else if (typeof(T) == typeof(long)) Apply<long, TFormula>((long*)&a, (long*)&b, S.Width);
        else if (typeof(T) == typeof(ulong)) Apply<ulong, TFormula>((ulong*)&a, (ulong*)&b, S.Width);
        else Apply<byte, TFormula>((byte*)&a, (byte*)&b, S.Width);
        return a;
    }

    private static void Apply<T, TFormula>(T* a, T* b, int count) where T : unmanaged, INumber<T> where TFormula : IScalarBinary
    {
        for (var i = 0; i < count; i++) a[i] = TFormula.Invoke(a[i], b[i]);
    }
}

/// <summary>⌊a/b⌋, of the exact quotient; for integers 0 where b is 0, for floats a/b there, and NaN for infinite a, as NumPy.</summary>
internal readonly struct FloorDivide : IBinary, IScalarBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, FloorDivide>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b)
    {
        var isFloating = typeof(T) == typeof(float) || typeof(T) == typeof(double);
        if (T.IsZero(b)) return isFloating ? a / b : T.Zero;

        // The smallest integer by −1 overflows; wrapped negation gives the same quotient without a fault.
        if (!isFloating && b == T.Zero - T.One && T.IsNegative(b)) return T.Zero - a;
        var r = a % b;
        var q = (a - r) / b;
        if (!T.IsZero(r) && T.IsNegative(r) != T.IsNegative(b)) q -= T.One;
        if (!isFloating) return q;

        // a − r is a multiple of b but for its own rounding.
        return T.IsZero(q) ? T.CopySign(T.Zero, a / b) : T.CreateTruncating(Math.Round(double.CreateTruncating(q)));
    }
}

/// <summary>a − ⌊a/b⌋·b, exact, with the sign of b; for integers 0 where b is 0.</summary>
internal readonly struct Remainder : IBinary, IScalarBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, Remainder>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double) && (T.IsZero(b) || (T.IsNegative(b) && b == T.Zero - T.One)))
        {
            return T.Zero;
        }
        var r = a % b;
        if (T.IsZero(r)) return T.CopySign(r, b);
        return T.IsNegative(r) != T.IsNegative(b) ? r + b : r;
    }
}

/// <summary>
/// aᵇ as IEEE 754 <c>pow</c>, computed in double; for integers by repeated squaring modulo 2ᵏ, the exact power rounded towards zero where b &lt; 0.
/// </summary>
internal readonly struct Power : IBinary, IScalarBinary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, Power>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b)
    {
        if (typeof(T) == typeof(float) || typeof(T) == typeof(double))
        {
            return T.CreateTruncating(Math.Pow(double.CreateTruncating(a), double.CreateTruncating(b)));
        }
        if (T.IsNegative(b))
        {
            if (a == T.One) return a;
            return a == T.Zero - T.One ? (T.IsOddInteger(b) ? a : T.One) : T.Zero;
        }
        var result = T.One;
        for (var left = ulong.CreateTruncating(b); left != 0; left >>= 1)
        {
            if ((left & 1) != 0) result *= a;
            a *= a;
        }
        return result;
    }
}
