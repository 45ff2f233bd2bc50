using System.Runtime.CompilerServices;

namespace ManagedFed.Simd;

/// <summary>What the witnesses of every width share: constants by element type and the spreading of mask bits.</summary>
internal static class Lanes
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    [MethodImpl(Inline)]
    public static T Constant<T>(double value) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return Unsafe.BitCast<float, T>((float)value);
        if (typeof(T) == typeof(double)) return Unsafe.BitCast<double, T>(value);
        if (typeof(T) == typeof(int)) return Unsafe.BitCast<int, T>((int)value);
        if (typeof(T) == typeof(uint)) return Unsafe.BitCast<uint, T>((uint)value);
        if (typeof(T) == typeof(long)) return Unsafe.BitCast<long, T>((long)value);
        if (typeof(T) == typeof(ulong)) return Unsafe.BitCast<ulong, T>((ulong)value);
        if (typeof(T) == typeof(byte)) return Unsafe.BitCast<byte, T>((byte)value);
        throw new NotSupportedException($"{typeof(T)} is not an element type");
    }

    /// <summary>Eight bits as eight bytes of 0 or 1, the lowest bit first.</summary>
    [MethodImpl(Inline)]
    public static ulong Spread(ulong bits)
    {
        // Byte i keeps bit i; adding 127 carries a set bit, whichever it is, into the byte's top bit.
        var picked = (bits & 0xFF) * 0x0101010101010101UL & 0x8040201008040201UL;
        return (picked + 0x7F7F7F7F7F7F7F7FUL) >> 7 & 0x0101010101010101UL;
    }
}
