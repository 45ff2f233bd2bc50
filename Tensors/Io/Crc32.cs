using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.IO;

/// <summary>The checksum of zip files: CRC-32 with the reflected polynomial 0xEDB88320, eight bytes a step, or many by <see cref="Crc32Folding"/>.</summary>
internal static class Crc32
{
    // Tables[k·256 + b]: what byte b contributes when k more bytes follow it in the step.
    private static readonly uint[] Tables = Build();

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by the bytes; start with 0.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        if (Crc32Folding.Suits(bytes))
        {
            var folded = Crc32Folding.Fold(crc, ref bytes);
            crc = Advance(0, MemoryMarshal.AsBytes(new ReadOnlySpan<Vector128<byte>>(in folded)));
        }
        return ~Advance(crc, bytes);
    }

    private static uint Advance(uint crc, ReadOnlySpan<byte> bytes)
    {
        var t = Tables.AsSpan();
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            var low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            var high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = t[0x700 + (int)(low & 0xFF)] ^ t[0x600 + (int)((low >> 8) & 0xFF)] ^ t[0x500 + (int)((low >> 16) & 0xFF)] ^ t[0x400 + (int)(low >> 24)]
                ^ t[0x300 + (int)(high & 0xFF)] ^ t[0x200 + (int)((high >> 8) & 0xFF)] ^ t[0x100 + (int)((high >> 16) & 0xFF)] ^ t[(int)(high >> 24)];
        }
        foreach (var b in bytes) crc = (crc >> 8) ^ t[(int)((crc ^ b) & 0xFF)];
        return crc;
    }

    private static uint[] Build()
    {
        var tables = new uint[8 * 256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value >> 1) ^ (0xEDB88320 & (0 - (value & 1)));
            tables[i] = value;
        }
        for (var i = 256; i < tables.Length; i++) tables[i] = (tables[i - 256] >> 8) ^ tables[tables[i - 256] & 0xFF];
        return tables;
    }
}
