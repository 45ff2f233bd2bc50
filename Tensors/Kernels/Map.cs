using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>dst = f(x), element by element.</summary>
internal static unsafe class Map
{
    /// <summary>dst[i] = f(x[i]); x may have any strides, dst is contiguous and may be x's own memory if x is contiguous too.</summary>
    public static void Run<TFormula>(NdArray x, NdArray dst) where TFormula : IUnary => Run<TFormula>(x, dst, SimdLevel.Best);

    [SkipLocalsInit]
    internal static void Run<TFormula>(NdArray x, NdArray dst, SimdWidth width) where TFormula : IUnary
    {
        var plan = new ElementPlan(dst, x);
        Elementwise.Run<Step<TFormula>, TFormula>(x.DType, width, ref plan);
        GC.KeepAlive(x);
        GC.KeepAlive(dst);
    }

    private readonly struct Step<TFormula> : IElementStep where TFormula : IUnary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => TFormula.Invoke<T, V, S>(S.Load((T*)a));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }
}
