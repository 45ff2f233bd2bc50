using System.Numerics;
using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Numbers as unsigned integers of the same order: −0 equals 0, and NaN comes last.</summary>
internal static class SortKey
{
    /// <summary>The key of an element: below 2³² where the element has at most four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of<T>(T x) where T : unmanaged, INumber<T>
    {
        if (T.IsNaN(x)) return Last<T>();
        if (typeof(T) == typeof(double)) return Of(BitConverter.DoubleToInt64Bits(double.CreateTruncating(x) + 0.0));
        if (!T.IsInteger(T.One / (T.One + T.One))) return Of(BitConverter.SingleToInt32Bits(float.CreateTruncating(x) + 0f));

        // Signed integers are moved up by half their range.
        var isSigned = T.IsNegative(T.Zero - T.One);
        if (Unsafe.SizeOf<T>() <= 4) return isSigned ? (uint)int.CreateTruncating(x) ^ 0x8000_0000u : uint.CreateTruncating(x);
        return isSigned ? (ulong)long.CreateTruncating(x) ^ 1UL << 63 : ulong.CreateTruncating(x);
    }

    /// <summary>The largest key.</summary>
    public static ulong Last<T>() => Unsafe.SizeOf<T>() <= 4 ? uint.MaxValue : ulong.MaxValue;

    // The magnitude of a negative number counts backwards.
    private static uint Of(int bits) => (uint)(bits ^ (bits >> 31 | int.MinValue));

    private static ulong Of(long bits) => (ulong)(bits ^ (bits >> 63 | long.MinValue));
}
