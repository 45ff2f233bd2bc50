using System.Buffers;
using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>One field of a message.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Whole">Its bytes with the tag.</param>
/// <param name="Content">What it holds, where it is of the kind that has a length.</param>
internal readonly record struct Field(int Number, ReadOnlySequence<byte> Whole, ReadOnlySequence<byte>? Content);

/// <summary>Walks over the fields of a message without looking into them.</summary>
internal ref struct FieldReader(ReadOnlySequence<byte> message)
{
    private SequenceReader<byte> reader = new(message);

    /// <summary>False while bytes are left that are no field.</summary>
    public readonly bool AtEnd => reader.End;

    public bool TryRead(out Field field)
    {
        field = default;
        if (reader.End) return false;
        var start = reader;
        if (TryReadVarint(out var tag) && TrySkip((WireFormat.WireType)(tag & 7), out var content) && tag >> 3 is > 0 and <= int.MaxValue)
        {
            field = new((int)(tag >> 3), message.Slice(start.Position, reader.Position), content);
            return true;
        }
        reader = start;
        return false;
    }

    private bool TrySkip(WireFormat.WireType type, out ReadOnlySequence<byte>? content)
    {
        content = null;
        switch (type)
        {
            case WireFormat.WireType.Varint: return TryReadVarint(out _);
            case WireFormat.WireType.Fixed32: return TryAdvance(4);
            case WireFormat.WireType.Fixed64: return TryAdvance(8);
            case WireFormat.WireType.LengthDelimited:
                if (!TryReadVarint(out var length) || (long)length < 0 || (long)length > reader.Remaining) return false;
                content = message.Slice(reader.Position, (long)length);
                return TryAdvance((long)length);
            default: return false;
        }
    }

    private bool TryAdvance(long count)
    {
        if (reader.Remaining < count) return false;
        reader.Advance(count);
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
        return false;
    }
}
