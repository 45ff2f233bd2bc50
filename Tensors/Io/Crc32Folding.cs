using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ManagedFed.IO;

/// <summary>The same checksum by carry-less products, many bytes a step, where the processor has them.</summary>
/// <remarks>
/// Gopal et al. 2009, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction": 16 bytes that stand n bytes ahead of others weigh like
/// their two halves times xⁿ mod P, added to those. The 16 that are left at the end have the checksum of all.
/// </remarks>
internal static class Crc32Folding
{
    /// <summary>Bytes below which the tables are as fast.</summary>
    private const int Least = 4 * Step;

    private const int Step = 16;

    // x^(4·128+64) and x^(4·128) mod P, x^(128+64) and x^128 mod P, bits reflected.
    private static readonly Vector128<ulong> ByFour = Vector128.Create(0x154442bd4UL, 0x1c6e41596UL), ByOne = Vector128.Create(0x1751997d0UL, 0x0ccaa009eUL);

    /// <summary>True for bytes that are worth it.</summary>
    public static bool Suits(ReadOnlySpan<byte> bytes) => Pclmulqdq.IsSupported && bytes.Length >= Least;

    /// <summary>Folds all bytes but the last few into 16.</summary>
    /// <param name="register">The checksum's register before them.</param>
    /// <param name="bytes">At least 64 bytes; what is left of them when this returns.</param>
    /// <returns>16 bytes that, from register 0, lead to the same register.</returns>
    public static Vector128<byte> Fold(uint register, ref ReadOnlySpan<byte> bytes)
    {
        var (a, b, c, d) = (Load(bytes, 0) ^ Vector128.CreateScalar((ulong)register), Load(bytes, 1), Load(bytes, 2), Load(bytes, 3));
        for (bytes = bytes[Least..]; bytes.Length >= Least; bytes = bytes[Least..])
        {
            a = Moved(a, ByFour) ^ Load(bytes, 0);
            b = Moved(b, ByFour) ^ Load(bytes, 1);
            c = Moved(c, ByFour) ^ Load(bytes, 2);
            d = Moved(d, ByFour) ^ Load(bytes, 3);
        }
        var sum = Moved(Moved(Moved(a, ByOne) ^ b, ByOne) ^ c, ByOne) ^ d;
        for (; bytes.Length >= Step; bytes = bytes[Step..]) sum = Moved(sum, ByOne) ^ Load(bytes, 0);
        return sum.AsByte();
    }

    private static Vector128<ulong> Load(ReadOnlySpan<byte> bytes, int index) => MemoryMarshal.Read<Vector128<ulong>>(bytes[(index * Step)..]);

    private static Vector128<ulong> Moved(Vector128<ulong> value, Vector128<ulong> by) =>
        Pclmulqdq.CarrylessMultiply(value, by, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, by, 0x11);
}
