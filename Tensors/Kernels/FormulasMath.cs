using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

internal readonly struct Exp : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Exp<T, V, S>(x);
}

internal readonly struct Expm1 : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Expm1<T, V, S>(x);
}

internal readonly struct Log : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Log<T, V, S>(x);
}

internal readonly struct Log1p : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Log1p<T, V, S>(x);
}

internal readonly struct Log2 : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Log2<T, V, S>(x);
}

internal readonly struct Log10 : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Log10<T, V, S>(x);
}

internal readonly struct Tanh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Tanh<T, V, S>(x);
}

internal readonly struct Sigmoid : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Sigmoid<T, V, S>(x);
}

internal readonly struct Erf : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Erf<T, V, S>(x);
}

internal readonly struct Sin : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Sin<T, V, S>(x);
}

internal readonly struct Cos : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Cos<T, V, S>(x);
}

/// <summary>ln(eᵃ + eᵇ) = max + ln(1 + e^(−|a − b|)).</summary>
internal readonly struct LogAddExp : IBinary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b)
    {
        // Equal infinities have no difference.
        var distance = S.AndNot(S.Abs(S.Subtract(a, b)), S.Equal(a, b));
        return S.Add(S.Max(a, b), VectorMath.Log1p<T, V, S>(VectorMath.Exp<T, V, S>(S.Negate(distance))));
    }
}
