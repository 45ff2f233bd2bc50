using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>Appends fields to a message; their numbers are below 16 here, so that a tag is one byte.</summary>
internal static class FieldWriter
{
    /// <summary>The bytes of a field with so many bytes of content.</summary>
    public static long LengthOf(long content) => 1 + (BitOperations.Log2((ulong)content | 1) / 7 + 1) + content;

    /// <summary>What stands before so many bytes of content.</summary>
    public static void WriteHead(this IBufferWriter<byte> message, int number, long content)
    {
        message.WriteTag(number, WireType.Bytes);
        message.WriteVarint((ulong)content);
    }

    /// <summary>A field of bytes.</summary>
    public static void WriteBytes(this IBufferWriter<byte> message, int number, ReadOnlySpan<byte> content)
    {
        message.WriteHead(number, content.Length);
        message.Write(content);
    }

    /// <summary>A field of text.</summary>
    public static void WriteText(this IBufferWriter<byte> message, int number, string text) => message.WriteBytes(number, Encoding.UTF8.GetBytes(text));

    /// <summary>A field of a number.</summary>
    public static void WriteNumber(this IBufferWriter<byte> message, int number, ulong value)
    {
        message.WriteTag(number, WireType.Varint);
        message.WriteVarint(value);
    }

    /// <summary>A field of 32 bits.</summary>
    public static void WriteFixed(this IBufferWriter<byte> message, int number, uint value)
    {
        message.WriteTag(number, WireType.Fixed32);
        BinaryPrimitives.WriteUInt32LittleEndian(message.GetSpan(4), value);
        message.Advance(4);
    }

    /// <summary>A field of 64 bits.</summary>
    public static void WriteFixed(this IBufferWriter<byte> message, int number, ulong value)
    {
        message.WriteTag(number, WireType.Fixed64);
        BinaryPrimitives.WriteUInt64LittleEndian(message.GetSpan(8), value);
        message.Advance(8);
    }

    private static void WriteTag(this IBufferWriter<byte> message, int number, WireType type)
    {
        message.GetSpan(1)[0] = (byte)(number << 3 | (int)type);
        message.Advance(1);
    }

    private static void WriteVarint(this IBufferWriter<byte> message, ulong value)
    {
        var bytes = message.GetSpan(10);
        var written = 0;
        for (; value >= 0x80; value >>= 7) bytes[written++] = (byte)(value | 0x80);
        bytes[written++] = (byte)value;
        message.Advance(written);
    }
}
