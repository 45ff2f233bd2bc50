using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Bools from one operand.</summary>
internal static unsafe class Test
{
    /// <summary>dst[i] = whether x[i] passes; x may have any strides, dst is bool and contiguous.</summary>
    public static void Run<TFormula>(NdArray x, NdArray dst) where TFormula : IPredicate => Run<TFormula>(x, dst, SimdLevel.Best);

    [SkipLocalsInit]
    internal static void Run<TFormula>(NdArray x, NdArray dst, SimdWidth width) where TFormula : IPredicate
    {
        var plan = new ElementPlan(dst, x);
        Elementwise.Run<Step<TFormula>, TFormula>(x.DType, width, ref plan);
        GC.KeepAlive(x);
        GC.KeepAlive(dst);
    }

    private readonly struct Step<TFormula> : IElementStep where TFormula : IPredicate
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.StoreMask(destination, result);
    }
}
