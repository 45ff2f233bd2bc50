using System.Globalization;
using System.Text;

namespace ManagedFed.Nn.Data;

/// <summary>Text files of records with separated fields (RFC 4180), as columns of numbers and classes.</summary>
/// <remarks>
/// Encoding is UTF-8 with or without a mark. Numbers are read alike in every culture: a point before the fraction, no thousands separators;
/// <c>nan</c>, <c>inf</c> and <c>-inf</c> are numbers in any case of letters. White space around numbers is passed over, and that around text
/// belongs to it. There are no missing values: an empty field is text.
/// </remarks>
public static class Csv
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read it.</param>
    /// <exception cref="FormatException">The text is no CSV, its records differ in length, or a field is not of its column's type; the message names line and column.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static CsvTable Load(string path, CsvOptions? options = null)
    {
        options ??= new();
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        if (file.Length > options.MaxBytes) throw new FormatException($"[csv] {file.Length:N0} bytes, expected at most {options.MaxBytes:N0} (file {path})");
        try
        {
            using var text = new StreamReader(file, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return Read(text, options);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException($"[csv] the text is not valid UTF-8 (file {path})", e);
        }
    }

    /// <summary>Reads text to its end.</summary>
    /// <inheritdoc cref="Load"/>
    public static CsvTable Read(TextReader text, CsvOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        options ??= new();
        if (options.Separator is '"' or '\r' or '\n') Throw.Argument("csv", "a quote or a line break cannot separate fields");
        var reader = new CsvReader(text, options);
        var record = new List<string>();
        if (!reader.Read(record)) throw CsvReader.Error(1, 1, "the text is empty");
        string[] names = options.HasHeader ? [.. record] : [.. Enumerable.Range(0, record.Count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        var twice = names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null) throw CsvReader.Error(reader.Line, Array.LastIndexOf(names, twice) + 1, $"column '{twice}' is named twice");
        foreach (var name in options.Types.Keys)
        {
            if (!names.Contains(name)) Throw.Argument("csv", $"a type is given for column {name}, but there are only {string.Join(", ", names)}");
        }
        var columns = Array.ConvertAll(names, _ => new List<string>());
        var lines = new List<int>();
        var isData = !options.HasHeader;
        while (isData || reader.Read(record))
        {
            isData = false;
            if (record.Count != names.Length) throw CsvReader.Error(reader.Line, Math.Min(record.Count, names.Length) + 1, $"the record has {record.Count} fields, expected {names.Length}");
            for (var i = 0; i < names.Length; i++) columns[i].Add(record[i]);
            lines.Add(reader.Line);
        }
        return new([.. names.Select((name, i) => Column(name, i, columns[i], lines, options))], lines.Count);
    }

    private static CsvColumn Column(string name, int index, List<string> fields, List<int> lines, CsvOptions options)
    {
        if (options.Types.TryGetValue(name, out var dtype)) return new(name, Given(index, fields, lines, dtype), null);
        if (fields.TrueForAll(IsWhole)) return new(name, Values(fields, Whole), null);
        if (fields.TrueForAll(field => TryNumber(field, out _))) return new(name, Values(fields, Number), null);
        if (fields.TrueForAll(field => bool.TryParse(field, out _))) return new(name, Values(fields, bool.Parse), null);
        string[] classes = [.. fields.Distinct().Order(StringComparer.Ordinal)];
        return new(name, Values(fields, field => Array.BinarySearch(classes, field, StringComparer.Ordinal)), classes);
    }

    private static NdArray Given(int index, List<string> fields, List<int> lines, DType dtype)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            var fits = dtype == DType.Bool ? bool.TryParse(fields[i], out _) : dtype.IsFloating() ? TryNumber(fields[i], out _) : IsWhole(fields[i]) && Fits(Whole(fields[i]), dtype);
            if (!fits) throw CsvReader.Error(lines[i], index + 1, $"'{fields[i]}' is not of type {dtype.Name()}");
        }
        return dtype == DType.Bool ? Values(fields, bool.Parse) : (dtype.IsFloating() ? Values(fields, Number) : Values(fields, Whole)).AsType(dtype);
    }

    // Through the type and back: a value that does not fit comes back as another.
    private static bool Fits(long value, DType dtype) => NdArray.From([value], []).AsType(dtype).AsType(DType.Int64).AsSpan<long>()[0] == value;

    private static NdArray Values<T>(List<string> fields, Converter<string, T> convert) where T : unmanaged =>
        NdArray.From<T>([.. fields.ConvertAll(convert)], [fields.Count]);

    private static bool IsWhole(string field) => long.TryParse(field, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);

    private static long Whole(string field) => long.Parse(field, NumberStyles.Integer, CultureInfo.InvariantCulture);

    private static double Number(string field) => TryNumber(field, out var value) ? value : throw new System.Diagnostics.UnreachableException();

    private static bool TryNumber(string field, out double value)
    {
        var text = field.AsSpan().Trim();
        if (text.Equals("inf", StringComparison.OrdinalIgnoreCase) || text.Equals("+inf", StringComparison.OrdinalIgnoreCase)) value = double.PositiveInfinity;
        else if (text.Equals("-inf", StringComparison.OrdinalIgnoreCase)) value = double.NegativeInfinity;
        else return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
        return true;
    }
}
