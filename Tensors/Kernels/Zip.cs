using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>dst = f(a, b), element by element.</summary>
internal static unsafe class Zip
{
    /// <summary>
    /// dst[i] = f(a[i], b[i]); a and b have dst's shape (stride 0 where broadcast) and one type; dst is contiguous and may be
    /// the memory of a or b where that is contiguous too.
    /// </summary>
    public static void Run<TFormula>(NdArray a, NdArray b, NdArray dst) where TFormula : IBinary =>
        Run<TFormula>(a, b, dst, SimdLevel.Best);

    internal static void Run<TFormula>(NdArray a, NdArray b, NdArray dst, SimdWidth width) where TFormula : IBinary =>
        Elementwise.Run(Loop<TFormula>(a.DType, width), dst, a, b);

    /// <summary>The loop for operands of a type.</summary>
    public static ElementLoop Loop<TFormula>(DType dtype) where TFormula : IBinary => Loop<TFormula>(dtype, SimdLevel.Best);

    private static ElementLoop Loop<TFormula>(DType dtype, SimdWidth width) where TFormula : IBinary =>
        Elementwise.Loop<Step<TFormula>, TFormula>(dtype, width) with { Formula = PairLoops.KindOf<TFormula>() };

    private readonly struct Step<TFormula> : IElementStep where TFormula : IBinary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a), S.Load((T*)b));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }
}
