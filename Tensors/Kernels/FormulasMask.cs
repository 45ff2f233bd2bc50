using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Operations on masks.</summary>
internal static class Mask
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Not<T, V, S>(V mask) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        // Zero equals itself in every type, which gives the mask of all bits.
        var zero = S.Constant(0);
        return S.AndNot(S.Equal(zero, zero), mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NotZero<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        Not<T, V, S>(S.Equal(x, S.Constant(0)));
}
