using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

internal readonly struct BitwiseAnd : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers | ElementTypes.Bool;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.And(a, b);
}

internal readonly struct BitwiseOr : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers | ElementTypes.Bool;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Or(a, b);
}

internal readonly struct BitwiseXor : IBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers | ElementTypes.Bool;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => S.Xor(a, b);
}

/// <summary>Every bit turned over.</summary>
internal readonly struct BitwiseInvert : IUnary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => Mask.Not<T, V, S>(x);
}

/// <summary>a·2ᵇ modulo the type's range; 0 where b is negative or not less than the number of bits.</summary>
internal readonly struct LeftShift : IBinary, IScalarBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers;

    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, LeftShift>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b)
    {
        var count = ulong.CreateTruncating(b);
        return count < (ulong)(8 * Unsafe.SizeOf<T>()) ? T.CreateTruncating(ulong.CreateTruncating(a) << (int)count) : T.Zero;
    }
}

/// <summary>⌊a/2ᵇ⌋; 0, or −1 for negative a, where b is negative or not less than the number of bits.</summary>
internal readonly struct RightShift : IBinary, IScalarBinary
{
    static ElementTypes IFormula.Types => ElementTypes.Integers;

    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, RightShift>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b)
    {
        var count = ulong.CreateTruncating(b);
        if (count >= (ulong)(8 * Unsafe.SizeOf<T>())) return T.IsNegative(a) ? T.Zero - T.One : T.Zero;

        // Only a type of 64 bits without a sign exceeds long.
        return T.IsNegative(a) ? T.CreateTruncating(long.CreateTruncating(a) >> (int)count) : T.CreateTruncating(ulong.CreateTruncating(a) >> (int)count);
    }
}
