using ManagedFed.Simd;

namespace ManagedFed.Tests;

/// <summary>Vector widths by their bits, which theories can carry in public.</summary>
internal static class Widths
{
    public static SimdWidth Of(int bits) => bits switch
    {
        128 => SimdWidth.Bits128,
        256 => SimdWidth.Bits256,
        _ => SimdWidth.Bits512,
    };
}
