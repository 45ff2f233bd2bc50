using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

internal readonly struct Equal : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.Equal(a, b);
}

/// <summary>True also where either is NaN.</summary>
internal readonly struct NotEqual : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => Mask.Not<T, V, S>(S.Equal(a, b));
}

internal readonly struct Less : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.Less(a, b);
}

internal readonly struct LessEqual : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.LessOrEqual(a, b);
}

internal readonly struct Greater : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.Less(b, a);
}

internal readonly struct GreaterEqual : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.LessOrEqual(b, a);
}

internal readonly struct IsNaN : IPredicate
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IPredicate.Invoke<T, V, S>(V x) => Mask.Not<T, V, S>(S.Equal(x, x));
}

internal readonly struct IsInf : IPredicate
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IPredicate.Invoke<T, V, S>(V x) =>
        typeof(T) == typeof(float) || typeof(T) == typeof(double)
            ? S.Equal(S.Abs(x), S.Constant(double.PositiveInfinity))
            : S.Constant(0);
}

internal readonly struct IsFinite : IPredicate
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IPredicate.Invoke<T, V, S>(V x) =>
        typeof(T) == typeof(float) || typeof(T) == typeof(double)
            ? S.Less(S.Abs(x), S.Constant(double.PositiveInfinity))
            : S.Equal(x, x);
}

internal readonly struct LogicalNot : IPredicate
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IPredicate.Invoke<T, V, S>(V x) => S.Equal(x, S.Constant(0));
}

/// <summary>a ≠ 0 and b ≠ 0.</summary>
internal readonly struct LogicalAnd : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.AndNot(Mask.NotZero<T, V, S>(a), S.Equal(b, S.Constant(0)));
}

/// <summary>a ≠ 0 or b ≠ 0.</summary>
internal readonly struct LogicalOr : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.Or(Mask.NotZero<T, V, S>(a), Mask.NotZero<T, V, S>(b));
}

/// <summary>Exactly one of a ≠ 0 and b ≠ 0.</summary>
internal readonly struct LogicalXor : IRelation
{
    static ElementTypes IFormula.Types => ElementTypes.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IRelation.Invoke<T, V, S>(V a, V b) => S.Xor(S.Equal(a, S.Constant(0)), S.Equal(b, S.Constant(0)));
}
