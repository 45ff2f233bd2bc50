namespace ManagedFed.Nn.Data;

/// <summary>Walks bytes of Thrift's compact protocol, in which parquet keeps its footer and the headers of its pages; every step takes at least a byte.</summary>
/// <remarks>Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md</remarks>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    public const int List = 9, Struct = 12, Binary = 8;
    private const int True = 1, False = 2, Byte = 3, Int16 = 4, Int64 = 6, Double = 7, Set = 10, Map = 11, Uuid = 13, MaxDepth = 32;

    private readonly ReadOnlySpan<byte> bytes = bytes;

    /// <summary>How many bytes were taken.</summary>
    public int Position { get; private set; }

    private readonly int Left => bytes.Length - Position;

    /// <summary>The next field of a struct; false at its end.</summary>
    /// <param name="field">The number of the last field, 0 before the first; becomes this one's.</param>
    /// <param name="type">The type of its value, which comes next.</param>
    public bool Next(ref int field, out int type)
    {
        var head = Take();
        type = head & 15;
        if (type == 0) return head == 0 ? false : throw Damaged("a field has no type");
        var step = head >> 4;
        field = step == 0 ? (int)Math.Clamp(Number(), short.MinValue, short.MaxValue) : field + step;
        return field is > 0 and <= short.MaxValue ? true : throw Damaged($"a field has number {field}");
    }

    /// <summary>A whole number.</summary>
    public long Number()
    {
        var raw = Varint();
        return (long)(raw >> 1) ^ -(long)(raw & 1);
    }

    /// <summary>A whole number of a type that must be one.</summary>
    public long Number(int type) => type is >= Int16 and <= Int64 ? Number() : throw Damaged($"a number is of type {type}");

    /// <summary>The number of elements that follow, and their type; no more than there are bytes.</summary>
    public int Elements(int type, out int element)
    {
        if (type is not (List or Set)) throw Damaged($"a list is of type {type}");
        var head = Take();
        element = head & 15;
        var count = head >> 4 == 15 ? Varint() : (ulong)(head >> 4);
        return count <= (ulong)Left ? (int)count : throw Damaged($"a list of {count} elements in {Left} bytes");
    }

    /// <summary>Passes over a value.</summary>
    public void Skip(int type, int depth = 0)
    {
        if (depth > MaxDepth) throw Damaged($"its values are nested more than {MaxDepth} deep");
        switch (type)
        {
            // In a struct the field's type is the value; in lists it has a byte.
            case True or False: Take(depth > 0 ? 1UL : 0); break;
            case Byte: Take(1); break;
            case >= Int16 and <= Int64: Varint(); break;
            case Double: Take(8); break;
            case Binary: Take(Varint()); break;
            case Uuid: Take(16); break;
            case List or Set:
                for (var left = Elements(type, out var element); left > 0; left--) Skip(element, depth + 1);
                break;
            case Map:
                var pairs = Varint();
                if (pairs > (ulong)Left) throw Damaged($"a map of {pairs} entries in {Left} bytes");
                var kinds = pairs == 0 ? 0 : Take();
                for (; pairs > 0; pairs--)
                {
                    Skip(kinds >> 4, depth + 1);
                    Skip(kinds & 15, depth + 1);
                }
                break;
            case Struct:
                for (var field = 0; Next(ref field, out var inner);) Skip(inner, inner is True or False ? 0 : depth + 1);
                break;
            default: throw Damaged($"type {type} is unknown");
        }
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Take();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw Damaged("a number has more than ten bytes");
    }

    private int Take()
    {
        Take(1);
        return bytes[Position - 1];
    }

    private void Take(ulong count)
    {
        if (count > (ulong)Left) throw Damaged($"{count} bytes are wanted where {Left} are left");
        Position += (int)count;
    }

    private static FormatException Damaged(string message) => new($"[parquet] the file is damaged: {message}");
}
