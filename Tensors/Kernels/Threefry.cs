using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.Kernels;

/// <summary>
/// Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011):
/// a bijection of two 32-bit words under a key of two, here of eight such pairs at once.
/// </summary>
internal static class Threefry
{
    /// <summary>The two words that a key makes of a counter.</summary>
    public static (uint, uint) Hash(uint key0, uint key1, uint x0, uint x1)
    {
        var (a, b) = Hash(key0, key1, Vector256.Create(x0), Vector256.Create(x1));
        return (a.ToScalar(), b.ToScalar());
    }

    /// <summary>The same for the counters in the lanes of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<uint>, Vector256<uint>) Hash(uint key0, uint key1, Vector256<uint> x0, Vector256<uint> x1)
    {
        var k0 = Vector256.Create(key0);
        var k1 = Vector256.Create(key1);
        var k2 = Vector256.Create(key0 ^ key1 ^ 0x1BD11BDA);
        x0 += k0;
        x1 += k1;
        EvenRounds(ref x0, ref x1);
        Inject(ref x0, ref x1, k1, k2, 1);
        OddRounds(ref x0, ref x1);
        Inject(ref x0, ref x1, k2, k0, 2);
        EvenRounds(ref x0, ref x1);
        Inject(ref x0, ref x1, k0, k1, 3);
        OddRounds(ref x0, ref x1);
        Inject(ref x0, ref x1, k1, k2, 4);
        EvenRounds(ref x0, ref x1);
        Inject(ref x0, ref x1, k2, k0, 5);
        return (x0, x1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EvenRounds(ref Vector256<uint> x0, ref Vector256<uint> x1)
    {
        Round(ref x0, ref x1, 13);
        Round(ref x0, ref x1, 15);
        Round(ref x0, ref x1, 26);
        Round(ref x0, ref x1, 6);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OddRounds(ref Vector256<uint> x0, ref Vector256<uint> x1)
    {
        Round(ref x0, ref x1, 17);
        Round(ref x0, ref x1, 29);
        Round(ref x0, ref x1, 16);
        Round(ref x0, ref x1, 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Vector256<uint> x0, ref Vector256<uint> x1, [ConstantExpected] int rotation)
    {
        x0 += x1;
        x1 = (Vector256.ShiftLeft(x1, rotation) | Vector256.ShiftRightLogical(x1, 32 - rotation)) ^ x0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Inject(ref Vector256<uint> x0, ref Vector256<uint> x1, Vector256<uint> k0, Vector256<uint> k1, uint round)
    {
        x0 += k0;
        x1 += k1 + Vector256.Create(round);
    }
}
