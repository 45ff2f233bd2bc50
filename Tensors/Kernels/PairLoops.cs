using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>The formulas that are so cheap that two of them in one loop save much of a chain's time.</summary>
internal enum CheapFormula
{
    None,
    Add,
    Subtract,
    Multiply,
    Relu,
}

/// <summary>Loops of two cheap formulas, the result of the first an operand of the second, each rounded as if alone.</summary>
internal static unsafe class PairLoops
{
    /// <summary>The kind of a formula.</summary>
    public static CheapFormula KindOf<TFormula>() =>
        typeof(TFormula) == typeof(Add) ? CheapFormula.Add
        : typeof(TFormula) == typeof(Subtract) ? CheapFormula.Subtract
        : typeof(TFormula) == typeof(Multiply) ? CheapFormula.Multiply
        : typeof(TFormula) == typeof(Relu) ? CheapFormula.Relu
        : CheapFormula.None;

    /// <summary>The loop of (a, b, c) ↦ second(first(a, b), c) or, where <paramref name="turned"/>, second(c, first(a, b)); null where there is none.</summary>
    /// <remarks>Relu as the second takes no c.</remarks>
    public static ElementLoop? Find(CheapFormula first, CheapFormula second, bool turned, DType dtype) => dtype is DType.Float32 or DType.Float64
        ? first switch
        {
            CheapFormula.Add => Find<Add>(second, turned, dtype),
            CheapFormula.Subtract => Find<Subtract>(second, turned, dtype),
            CheapFormula.Multiply => Find<Multiply>(second, turned, dtype),
            _ => null,
        }
        : null;

    // Turned sums and products are the same: only which NaN's payload comes out may differ.
    private static ElementLoop? Find<TFirst>(CheapFormula second, bool turned, DType dtype) where TFirst : IBinary => second switch
    {
        CheapFormula.Add => Elementwise.Loop<Pair<TFirst, Add>, Add>(dtype, SimdLevel.Best),
        CheapFormula.Multiply => Elementwise.Loop<Pair<TFirst, Multiply>, Multiply>(dtype, SimdLevel.Best),
        CheapFormula.Subtract when turned => Elementwise.Loop<Pair<TFirst, SubtractTurned>, Subtract>(dtype, SimdLevel.Best),
        CheapFormula.Subtract => Elementwise.Loop<Pair<TFirst, Subtract>, Subtract>(dtype, SimdLevel.Best),
        CheapFormula.Relu => Elementwise.Loop<ThenMap<TFirst, Relu>, Relu>(dtype, SimdLevel.Best),
        _ => null,
    };

    /// <summary>b − a.</summary>
    private readonly struct SubtractTurned : IBinary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IBinary.Invoke<T, V, S>(V a, V b) => S.Subtract(b, a);
    }

    private readonly struct Pair<TFirst, TSecond> : IElementStep where TFirst : IBinary where TSecond : IBinary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) =>
            TSecond.Invoke<T, V, S>(TFirst.Invoke<T, V, S>(S.Load((T*)a), S.Load((T*)b)), S.Load((T*)c));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }

    private readonly struct ThenMap<TFirst, TSecond> : IElementStep where TFirst : IBinary where TSecond : IUnary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) =>
            TSecond.Invoke<T, V, S>(TFirst.Invoke<T, V, S>(S.Load((T*)a), S.Load((T*)b)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }
}
