using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>dst = condition ? a : b, element by element.</summary>
internal static unsafe class Select
{
    /// <summary>
    /// dst[i] = condition[i] ? a[i] : b[i]; condition is bool, a and b have dst's type, all three its shape (stride 0 where
    /// broadcast); dst is contiguous and may be the memory of a or b where that is contiguous too.
    /// </summary>
    public static void Run(NdArray condition, NdArray a, NdArray b, NdArray dst) => Run(condition, a, b, dst, SimdLevel.Best);

    internal static void Run(NdArray condition, NdArray a, NdArray b, NdArray dst, SimdWidth width) =>
        Elementwise.Run(Loop(dst.DType, width), dst, condition, a, b);

    /// <summary>The loop for choices of a type.</summary>
    public static ElementLoop Loop(DType dtype) => Loop(dtype, SimdLevel.Best);

    // Bits are chosen, whatever they mean.
    private static ElementLoop Loop(DType dtype, SimdWidth width) => dtype.Size() switch
    {
        1 => Elementwise.Loop<Step, Choice, byte>(width),
        2 => Elementwise.Loop<Step, Choice, ushort>(width),
        4 => Elementwise.Loop<Step, Choice, uint>(width),
        _ => Elementwise.Loop<Step, Choice, ulong>(width),
    };

    private readonly struct Choice : IFormula
    {
        static ElementTypes IFormula.Types => ElementTypes.All;
    }

    private readonly struct Step : IElementStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static V IElementStep.Compute<T, V, S>(byte* a, byte* b, byte* c) => S.Select(S.LoadMask(a), S.Load((T*)b), S.Load((T*)c));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void IElementStep.Store<T, V, S>(byte* destination, V result) => S.Store((T*)destination, result);
    }
}
