using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

internal readonly struct Negative : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Negate(x);
}

internal readonly struct Abs : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Abs(x);
}

internal readonly struct Square : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Multiply(x, x);
}

/// <summary>−1, 0 or 1; NaN for NaN.</summary>
internal readonly struct Sign : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x)
    {
        V zero = S.Constant(0), one = S.Constant(1);
        var sign = S.Subtract(S.And(S.Less(zero, x), one), S.And(S.Less(x, zero), one));
        return typeof(T) == typeof(float) || typeof(T) == typeof(double) ? S.Select(S.Equal(x, x), sign, x) : sign;
    }
}

internal readonly struct Sqrt : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Sqrt(x);
}

internal readonly struct Rsqrt : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Divide(S.Constant(1), S.Sqrt(x));
}

internal readonly struct Reciprocal : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Divide(S.Constant(1), x);
}

internal readonly struct Floor : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Floor(x);
}

internal readonly struct Ceiling : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Ceiling(x);
}

/// <summary>The nearest integer, halves to even.</summary>
internal readonly struct Round : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.Round(x);
}

/// <summary>max(x, 0); NaN stays NaN.</summary>
internal readonly struct Relu : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    // A comparison and a bitwise operation; the NaN-propagating maximum takes several more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => S.AndNot(x, S.LessOrEqual(x, S.Constant(0)));
}

internal readonly struct Add : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Add(a, b);
}

internal readonly struct Subtract : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Numbers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Subtract(a, b);
}

internal readonly struct Multiply : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Multiply(a, b);
}

/// <summary>a·b, 0 where either is 0, whatever the other: a cotangent of 0 stays 0 where a derivative is infinite.</summary>
internal readonly struct ZeroProduct : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b)
    {
        var zero = S.Constant(0);
        return S.AndNot(S.Multiply(a, b), S.Or(S.Equal(a, zero), S.Equal(b, zero)));
    }
}

/// <summary>a/b, 0 where a is 0, whatever b.</summary>
internal readonly struct ZeroQuotient : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.AndNot(S.Divide(a, b), S.Equal(a, S.Constant(0)));
}

internal readonly struct Divide : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Divide(a, b);
}

/// <summary>The larger, NaN if either is NaN.</summary>
internal readonly struct Maximum : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Max(a, b);
}

/// <summary>The smaller, NaN if either is NaN.</summary>
internal readonly struct Minimum : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Min(a, b);
}

/// <summary>The gradient through <see cref="Relu"/>, y its result: g where y &gt; 0, else 0.</summary>
internal readonly struct ReluGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V g, V y) => S.And(S.Less(S.Constant(0), y), g);
}

/// <summary>The gradient through <see cref="Tanh"/>, y its result: g·(1 − y²).</summary>
internal readonly struct TanhGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V g, V y) => S.Multiply(g, S.MultiplyAdd(S.Negate(y), y, S.Constant(1)));
}

/// <summary>The gradient through <see cref="Sigmoid"/>, y its result: g·y·(1 − y).</summary>
internal readonly struct SigmoidGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V g, V y) => S.Multiply(g, S.Multiply(y, S.Subtract(S.Constant(1), y)));
}
