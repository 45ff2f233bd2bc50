using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

internal readonly struct ErfInv : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.ErfInv<T, V, S>(x);
}
