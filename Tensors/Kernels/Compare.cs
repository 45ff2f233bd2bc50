using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Bools from two operands.</summary>
internal static unsafe class Compare
{
    /// <summary>dst[i] = a[i] ∘ b[i] as bool; a and b have dst's shape (stride 0 where broadcast) and one type; dst is contiguous.</summary>
    public static void Run<TFormula>(NdArray a, NdArray b, NdArray dst) where TFormula : IRelation =>
        Run<TFormula>(a, b, dst, SimdLevel.Best);

    internal static void Run<TFormula>(NdArray a, NdArray b, NdArray dst, SimdWidth width) where TFormula : IRelation =>
        Elementwise.Run(Loop<TFormula>(a.DType, width), dst, a, b);

    /// <summary>The loop for operands of a type.</summary>
    public static ElementLoop Loop<TFormula>(DType dtype) where TFormula : IRelation => Loop<TFormula>(dtype, SimdLevel.Best);

    private static ElementLoop Loop<TFormula>(DType dtype, SimdWidth width) where TFormula : IRelation =>
        Elementwise.Loop<Step<TFormula>, TFormula>(dtype, width);

    private readonly struct Step<TFormula> : IElementStep where TFormula : IRelation
    {
        static bool IElementStep.IsMask => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a), S.Load((T*)b));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.StoreMask(destination, result);
    }
}
