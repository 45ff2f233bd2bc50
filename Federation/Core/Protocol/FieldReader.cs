using System.Buffers;
using System.Buffers.Binary;

namespace ManagedFed.Federation;

/// <summary>How the bytes of a field are laid out.</summary>
/// <remarks>Format: https://protobuf.dev/programming-guides/encoding/</remarks>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Group = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

/// <summary>One field of a message.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Type">How its bytes are laid out.</param>
/// <param name="Value">A number's bits.</param>
/// <param name="Content">What it holds, where that has a length.</param>
internal readonly record struct Field(int Number, WireType Type, ulong Value, ReadOnlySequence<byte> Content);

/// <summary>Walks over the fields of a message, as far as its bytes have come; what Protobuf's own parsers take, it takes.</summary>
/// <param name="message">The bytes.</param>
/// <param name="anyType">True to pass over tags of a type that is none, as parsers do in the entries of maps.</param>
internal ref struct FieldReader(ReadOnlySequence<byte> message, bool anyType = false)
{
    /// <summary>How deep groups may nest, which only unknown fields are.</summary>
    private const int MaxDepth = 100;

    private SequenceReader<byte> reader = new(message);

    /// <summary>False while bytes are left that are no whole field.</summary>
    public readonly bool AtEnd => reader.End;

    /// <summary>The bytes that were walked over.</summary>
    public readonly long Consumed => reader.Consumed;

    /// <summary>Why the bytes are no message, whatever may follow them; null while they may be one.</summary>
    public string? Problem { get; private set; }

    /// <summary>The next field; false when it has not come whole, or is none.</summary>
    public bool TryRead(out Field field)
    {
        var start = reader;
        if (TryReadHead(out var number, out var type, out var length) && TryReadContent(number, type, length, 0, out var value, out var content))
        {
            field = new(number, type, value, content);
            return true;
        }
        reader = start;
        field = default;
        return false;
    }

    /// <summary>What stands before a field's content; false when it has not come whole, or is none.</summary>
    /// <param name="number">The field's number.</param>
    /// <param name="type">How its bytes are laid out.</param>
    /// <param name="length">The bytes of its content, where that has a length.</param>
    public bool TryReadHead(out int number, out WireType type, out long length)
    {
        (number, type, length) = (0, default, 0);
        if (!TryReadVarint(out var tag)) return false;
        (number, type) = ((int)((uint)tag >> 3), (WireType)(tag & 7));
        if (number == 0 || type > WireType.Fixed32 && !anyType) return Fail($"{(uint)tag} is no field's tag");
        if (type != WireType.Bytes) return true;
        if (!TryReadVarint(out var bytes)) return false;
        length = (int)(uint)bytes;
        return length >= 0 || Fail("a field's length is negative");
    }

    /// <summary>The fields of a message, as far as it can be walked over.</summary>
    public static int Count(ReadOnlyMemory<byte> message)
    {
        var count = 0;
        var reader = new FieldReader(new(message));
        while (reader.TryRead(out _)) count++;
        return count;
    }

    private bool TryReadContent(int number, WireType type, long length, int depth, out ulong value, out ReadOnlySequence<byte> content)
    {
        (value, content) = (0, default);
        switch (type)
        {
            case WireType.Varint: return TryReadVarint(out value);
            case WireType.Fixed32: return TryReadFixed(4, out value);
            case WireType.Fixed64: return TryReadFixed(8, out value);
            case WireType.Group: return TrySkipGroup(number, depth + 1);
            case WireType.EndGroup: return Fail("a group ends that did not begin");
            case > WireType.Fixed32: return true;
            default:
                if (reader.Remaining < length) return false;
                content = message.Slice(reader.Position, length);
                reader.Advance(length);
                return true;
        }
    }

    private bool TrySkipGroup(int number, int depth)
    {
        if (depth > MaxDepth) return Fail("groups nest too deep");
        while (TryReadHead(out var inner, out var type, out var length))
        {
            if (type == WireType.EndGroup) return inner == number || Fail("a group ends that did not begin");
            if (!TryReadContent(inner, type, length, depth, out _, out _)) return false;
        }
        return false;
    }

    private bool TryReadFixed(int bytes, out ulong value)
    {
        value = 0;
        Span<byte> room = stackalloc byte[8];
        room.Clear();
        if (!reader.TryCopyTo(room[..bytes])) return false;
        reader.Advance(bytes);
        value = BinaryPrimitives.ReadUInt64LittleEndian(room);
        return true;
    }

    private bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out var part)) return false;
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return true;
        }
        return Fail("a number has no end");
    }

    private bool Fail(string problem)
    {
        Problem = problem;
        return false;
    }
}

/// <summary>Bytes that are no message, so that where the next one begins is not to be known.</summary>
internal sealed class BrokenMessageException(string why) : Exception($"[wire] the bytes are no message: {why}");
