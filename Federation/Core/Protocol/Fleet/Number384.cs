using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace ManagedFed.Federation;

/// <summary>A whole number of 384 bits: words of 32 bits, the lowest first.</summary>
[InlineArray(Words)]
internal struct Number384
{
    public const int Words = 12, Bytes = 48;

    private uint first;

    /// <summary>A number as 48 bytes, the highest first.</summary>
    public static Number384 Read(ReadOnlySpan<byte> bytes)
    {
        var number = default(Number384);
        for (var i = 0; i < Words; i++) number[i] = BinaryPrimitives.ReadUInt32BigEndian(bytes[(Bytes - 4 * (i + 1))..]);
        return number;
    }

    /// <summary>Writes the number as 48 bytes, the highest first.</summary>
    public readonly void Write(Span<byte> bytes)
    {
        for (var i = 0; i < Words; i++) BinaryPrimitives.WriteUInt32BigEndian(bytes[(Bytes - 4 * (i + 1))..], this[i]);
    }

    public readonly byte[] ToBytes()
    {
        var bytes = new byte[Bytes];
        Write(bytes);
        return bytes;
    }

    /// <summary>The bit of weight 2^<paramref name="index"/>, 0 or 1.</summary>
    public readonly uint Bit(int index) => this[index >> 5] >> (index & 31) & 1;

    /// <summary>True for 0; takes equally long for every number.</summary>
    public readonly bool IsZero()
    {
        var any = 0u;
        for (var i = 0; i < Words; i++) any |= this[i];
        return any == 0;
    }
}
