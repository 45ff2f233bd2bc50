using System.Text;

namespace ManagedFed.IO;

/// <summary>
/// Reads the header text: one flat Python dictionary of exactly <c>descr</c>, <c>fortran_order</c> and <c>shape</c>.
/// Nothing is evaluated, every byte is looked at once, and nothing else is understood. White space is as free as in Python's brackets.
/// </summary>
internal ref struct NpyHeaderParser
{
    private static ReadOnlySpan<byte> Spaces => " \t\n\r\f"u8;

    private readonly ReadOnlySpan<byte> text;
    private int position;

    private NpyHeaderParser(ReadOnlySpan<byte> text) => this.text = text;

    /// <exception cref="FormatException">The text is anything but such a dictionary.</exception>
    public static NpyHeader Parse(ReadOnlySpan<byte> text) => new NpyHeaderParser(text).Dictionary();

    private NpyHeader Dictionary()
    {
        NpyType? type = null;
        bool? fortranOrder = null;
        Shape? shape = null;
        Expect('{');
        while (!TryTake('}'))
        {
            var key = String();
            Expect(':');
            SkipSpaces();
            switch (key)
            {
                case "descr" when type is null: type = Descr(); break;
                case "fortran_order" when fortranOrder is null: fortranOrder = Boolean(); break;
                case "shape" when shape is null: shape = Tuple(); break;
                case "descr" or "fortran_order" or "shape": throw Npy.Malformed($"header has '{key}' twice");
                default: throw Npy.Malformed($"header has the unknown key '{key}', expected descr, fortran_order and shape");
            }
            if (TryTake(',')) continue;
            Expect('}');
            break;
        }
        if (text[position..].IndexOfAnyExcept(Spaces) is >= 0 and var extra)
        {
            throw Npy.Malformed($"header goes on after the dictionary, at byte {position + extra}");
        }
        if (type is null || fortranOrder is null || shape is null)
        {
            throw Npy.Malformed($"header lacks '{(type is null ? "descr" : fortranOrder is null ? "fortran_order" : "shape")}'");
        }
        return new(type.Value, fortranOrder.Value, shape.Value);
    }

    private NpyType Descr()
    {
        if (Next is '[' or '(')
        {
            throw Npy.Malformed("object and structured arrays are not supported: descr is a list or tuple");
        }
        var descr = String();
        if (NpyType.Parse(descr) is { } type) return type;
        var kind = descr.TrimStart('<', '>', '=', '|') is [var first, ..] ? first : '\0';
        if (descr.Contains('O') || kind is 'V' or 'S' or 'U' or 'a' or 'M' or 'm' or 'c' or 'F' or 'D')
        {
            throw Npy.Malformed($"object and structured arrays are not supported, nor text, dates and complex numbers: descr is '{descr}'");
        }
        throw Npy.Malformed($"descr '{descr}' is not supported, expected |b1, |i1, |u1, or one of i2 i4 i8 u2 u4 u8 f2 f4 f8 after < or >");
    }

    private bool Boolean()
    {
        if (TryTake("True"u8)) return true;
        if (TryTake("False"u8)) return false;
        throw Unexpected("True or False");
    }

    private Shape Tuple()
    {
        if (Next != '(') throw Npy.Malformed($"shape at byte {position} is not a tuple");
        position++;
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var rank = 0;
        var count = 1L;
        while (!TryTake(')'))
        {
            if (rank == Shape.MaxRank) throw Npy.Malformed($"shape has more than {Shape.MaxRank} axes");
            var size = Size();
            sizes[rank++] = size;
            // So that 8 bytes each cannot overflow; sizes after a 0 count too, because a Shape has to hold them.
            if (size > 0 && count > (1L << 59) / size) throw Npy.Malformed("shape has more than 2^59 elements");
            count *= Math.Max(size, 1);
            if (TryTake(',')) continue;
            if (rank == 1) throw Npy.Malformed("shape is a number in brackets, not a tuple: a tuple of one needs a comma");
            Expect(')');
            break;
        }
        return Shape.Create(sizes[..rank]);
    }

    /// <summary>A decimal number of 0 … 2³¹−1, with the <c>L</c> that Python 2 wrote after long ones.</summary>
    private int Size()
    {
        SkipSpaces();
        if (Next == '-') throw Npy.Malformed($"shape has a negative size at byte {position}");
        var start = position;
        var value = 0L;
        for (; Next is >= '0' and <= '9'; position++)
        {
            value = value * 10 + (Next - '0');
            if (value > int.MaxValue) throw Npy.Malformed($"shape has a size above {int.MaxValue} at byte {start}");
        }
        var digits = position - start;
        if (digits == 0 || (digits > 1 && text[start] == '0')) throw Unexpected("a whole number");
        if (Next == 'L') position++;
        SkipSpaces();
        if (Next is not (',' or ')')) throw Unexpected("',' or ')' after a whole number");
        return (int)value;
    }

    /// <summary>A quoted string of printable ASCII, without escapes and of at most 32 characters.</summary>
    private string String()
    {
        SkipSpaces();
        // Python 2 marks text so.
        if (Next is 'u' or 'U') position++;
        var quote = Next;
        if (quote is not ('\'' or '"')) throw Unexpected("a quoted string");
        position++;
        var rest = text[position..Math.Min(text.Length, position + 33)];
        var length = rest.IndexOf((byte)quote);
        if (length < 0 || rest[..length].ContainsAnyExceptInRange((byte)' ', (byte)'~') || rest[..length].Contains((byte)'\\'))
        {
            throw Unexpected("a short plain string");
        }
        position += length + 1;
        return Encoding.ASCII.GetString(rest[..length]);
    }

    /// <summary>The byte at the position, or −1 at the end.</summary>
    private readonly int Next => position < text.Length ? text[position] : -1;

    private void SkipSpaces()
    {
        while (Next is ' ' or '\t' or '\n' or '\r' or '\f') position++;
    }

    private bool TryTake(char symbol)
    {
        SkipSpaces();
        if (Next != symbol) return false;
        position++;
        return true;
    }

    private bool TryTake(ReadOnlySpan<byte> word)
    {
        if (!text[position..].StartsWith(word)) return false;
        position += word.Length;
        return true;
    }

    private void Expect(char symbol)
    {
        if (!TryTake(symbol)) throw Unexpected($"'{symbol}'");
    }

    private readonly FormatException Unexpected(string expected) =>
        Npy.Malformed($"header is not a dictionary of descr, fortran_order and shape: expected {expected} at byte {position}");
}
