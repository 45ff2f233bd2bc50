using System.Runtime.Intrinsics;

namespace ManagedFed.Simd;

/// <summary>A width of vector registers.</summary>
internal enum SimdWidth
{
    Bits128,
    Bits256,
    Bits512,
}

/// <summary>Which width the kernels run at.</summary>
internal static class SimdLevel
{
    /// <summary>The widest the processor executes; a constant to the JIT, so that a switch on it folds away.</summary>
    public static SimdWidth Best =>
        Vector512.IsHardwareAccelerated ? SimdWidth.Bits512
        : Vector256.IsHardwareAccelerated ? SimdWidth.Bits256
        : SimdWidth.Bits128;
}
