using System.Text;

namespace ManagedFed.Nn.Data;

/// <summary>Splits CSV text into fields, by RFC 4180: quoted fields may hold separators, line breaks and doubled quotes.</summary>
/// <remarks>Stricter than most: a quote inside an unquoted field, text behind a closing quote and an open quote at the end are errors.</remarks>
internal sealed class CsvReader
{
    private readonly char[] buffer = new char[1 << 14];
    private readonly StringBuilder field = new();
    private readonly TextReader text;
    private readonly CsvOptions options;
    private int at, end;
    private int line = 1;
    private int next;

    public CsvReader(TextReader text, CsvOptions options)
    {
        (this.text, this.options) = (text, options);
        Advance();
        // The mark in front of UTF-8, where nobody took it off.
        if (next == '\uFEFF') Advance();
    }

    /// <summary>The line where the present record began, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Reads the fields of the next record; false at the end. Empty lines are passed over.</summary>
    public bool Read(List<string> fields)
    {
        fields.Clear();
        while (next is '\r' or '\n') EndLine();
        Line = line;
        if (next < 0) return false;
        while (true)
        {
            fields.Add(Field(fields.Count + 1));
            if (next == options.Separator)
            {
                Advance();
                continue;
            }
            if (next >= 0) EndLine();
            return true;
        }
    }

    private string Field(int column)
    {
        field.Clear();
        if (next == '"')
        {
            Quoted(column);
            if (next >= 0 && next != options.Separator && next is not ('\r' or '\n')) throw Error(line, column, "text follows the closing quote");
            return field.ToString();
        }
        while (next >= 0 && next != options.Separator && next is not ('\r' or '\n'))
        {
            if (next == '"') throw Error(line, column, "a quote stands inside a field that does not begin with one");
            Append(column);
        }
        return field.ToString();
    }

    private void Quoted(int column)
    {
        var start = line;
        Advance();
        while (true)
        {
            if (next < 0) throw Error(start, column, "the quote is never closed");
            if (next == '"')
            {
                Advance();
                if (next != '"') return;
            }
            else if (next == '\n') line++;
            Append(column);
        }
    }

    private void Append(int column)
    {
        if (field.Length == options.MaxFieldLength) throw Error(line, column, $"the field has more than {options.MaxFieldLength:N0} characters");
        field.Append((char)next);
        Advance();
    }

    private void EndLine()
    {
        var wasReturn = next == '\r';
        Advance();
        if (wasReturn && next == '\n') Advance();
        line++;
    }

    private void Advance()
    {
        if (at == end && (end = Fill()) == 0)
        {
            (at, next) = (0, -1);
            return;
        }
        if (at == end) at = 0;
        next = buffer[at++];
    }

    private int Fill()
    {
        at = 0;
        try
        {
            return text.Read(buffer, 0, buffer.Length);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException($"[csv] the text is not valid UTF-8, in line {line} or soon after", e);
        }
    }

    public static FormatException Error(int line, int column, string message) => new($"[csv] line {line}, column {column}: {message}");
}
