using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>dst = f(x), element by element.</summary>
internal static unsafe class Map
{
    /// <summary>dst[i] = f(x[i]); x may have any strides, dst is contiguous and may be x's own memory if x is contiguous too.</summary>
    public static void Run<TFormula>(NdArray x, NdArray dst) where TFormula : IUnary => Run<TFormula>(x, dst, SimdLevel.Best);

    internal static void Run<TFormula>(NdArray x, NdArray dst, SimdWidth width) where TFormula : IUnary =>
        Elementwise.Run(Loop<TFormula>(x.DType, width), dst, x);

    /// <summary>The loop for operands of a type.</summary>
    public static ElementLoop Loop<TFormula>(DType dtype) where TFormula : IUnary => Loop<TFormula>(dtype, SimdLevel.Best);

    private static ElementLoop Loop<TFormula>(DType dtype, SimdWidth width) where TFormula : IUnary =>
        Elementwise.Loop<Step<TFormula>, TFormula>(dtype, width) with { Formula = PairLoops.KindOf<TFormula>() };

    private readonly struct Step<TFormula> : IElementStep where TFormula : IUnary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }
}
