using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Bools from one operand.</summary>
internal static unsafe class Test
{
    /// <summary>dst[i] = whether x[i] passes; x may have any strides, dst is bool and contiguous.</summary>
    public static void Run<TFormula>(NdArray x, NdArray dst) where TFormula : IPredicate => Run<TFormula>(x, dst, SimdLevel.Best);

    internal static void Run<TFormula>(NdArray x, NdArray dst, SimdWidth width) where TFormula : IPredicate =>
        Elementwise.Run(Loop<TFormula>(x.DType, width), dst, x);

    /// <summary>The loop for operands of a type.</summary>
    public static ElementLoop Loop<TFormula>(DType dtype) where TFormula : IPredicate => Loop<TFormula>(dtype, SimdLevel.Best);

    private static ElementLoop Loop<TFormula>(DType dtype, SimdWidth width) where TFormula : IPredicate =>
        Elementwise.Loop<Step<TFormula>, TFormula>(dtype, width);

    private readonly struct Step<TFormula> : IElementStep where TFormula : IPredicate
    {
        static bool IElementStep.IsMask => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.StoreMask(destination, result);
    }
}
