using System.Globalization;
using System.Text;

namespace ManagedFed.Nn.Data;

/// <summary>Text files of records with separated fields (RFC 4180), as columns of numbers and classes.</summary>
/// <remarks>
/// <para>Encoding is UTF-8 with or without a mark. Numbers are read alike in every culture: a point before the fraction unless the options say a comma,
/// no thousands separators; <c>nan</c>, <c>inf</c> and <c>-inf</c> are numbers in any case of letters. White space around numbers and names of columns
/// is passed over, and that around text belongs to it. A separator at the end of a record is passed over, and so are empty lines.</para>
/// <para>A missing number, such as an empty field, is NaN and makes its column one of float64; in a column whose given type is a whole number or bool it is
/// an error. A column of words becomes classes; numbers and words in one column are an error that names line, column and field, and so are
/// numbers written with marks that are not read, such as <c>1,234</c>. Nothing becomes a class unless all its column is text, or the options say so.</para>
/// </remarks>
public static class Csv
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read it.</param>
    /// <exception cref="FormatException">
    /// The text is no CSV, its records differ in length, or a field is not of its column's type or among its classes; the message names line, column and field.
    /// </exception>
    /// <exception cref="ArgumentException">The options name a column that is not there.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static CsvTable Load(string path, CsvOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return LoadAlike([path], options)[0];
    }

    /// <summary>Reads files of the same columns, such as the splits of a data set: types and classes are those of all files together.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="options">How to read them.</param>
    /// <returns>A table for each file, with the columns in the order of the first.</returns>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static IReadOnlyList<CsvTable> LoadAlike(IReadOnlyList<string> paths, CsvOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        options ??= new();
        return Tables([.. paths.Select(path => Open(path, options))], options);
    }

    /// <summary>Reads text to its end.</summary>
    /// <inheritdoc cref="Load"/>
    public static CsvTable Read(TextReader text, CsvOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        options ??= new();
        return Tables([Split(text, options, "")], options)[0];
    }

    private static Parsed Open(string path, CsvOptions options)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        if (file.Length > options.MaxBytes) throw new FormatException($"[csv] {file.Length:N0} bytes, expected at most {options.MaxBytes:N0} (file {path})");
        try
        {
            using var text = new StreamReader(file, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return Split(text, options, $" (file {path})");
        }
        catch (FormatException e)
        {
            throw new FormatException($"{e.Message} (file {path})", e);
        }
    }

    private static Parsed Split(TextReader text, CsvOptions options, string file)
    {
        if (options.Separator is '"' or '\r' or '\n') Throw.Argument("csv", "a quote or a line break cannot separate fields");
        if (options.DecimalSeparator is not ('.' or ',')) Throw.Argument("csv", $"'{options.DecimalSeparator}' cannot be the decimal separator, expected a point or a comma");
        var reader = new CsvReader(text, options);
        var record = new List<string>();
        if (!reader.Read(record)) throw CsvReader.Error(1, 1, "the text is empty");
        var names = Names(record, reader.Line, options);
        var lines = new List<int>();
        // A column that is not wanted has no fields.
        var columns = names.Select((name, i) => options.Columns is { } wanted && !wanted.Contains(name) ? null : new CsvFields(name, i + 1, lines, file)).ToArray();
        var isData = !options.HasHeader;
        while (isData || reader.Read(record))
        {
            isData = false;
            if (record.Count == names.Length + 1 && record[^1].Length == 0) record.RemoveAt(names.Length);
            if (record.Count != names.Length) throw CsvReader.Error(reader.Line, Math.Min(record.Count, names.Length) + 1, $"the record has {record.Count} fields, expected {names.Length}");
            for (var i = 0; i < names.Length; i++) columns[i]?.Add(record[i]);
            lines.Add(reader.Line);
        }
        return new(names, [.. columns.OfType<CsvFields>()], lines, file);
    }

    private static string[] Names(List<string> record, int line, CsvOptions options)
    {
        if (!options.HasHeader) return [.. Enumerable.Range(0, record.Count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        string[] names = [.. record.Select(name => name.Trim())];
        if (names.Length > 1 && names[^1].Length == 0) names = names[..^1];
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i].Length == 0) throw CsvReader.Error(line, i + 1, "the column has no name");
            if (names.AsSpan(0, i).Contains(names[i])) throw CsvReader.Error(line, i + 1, $"column '{names[i]}' is named twice");
        }
        return names;
    }

    private static CsvTable[] Tables(Parsed[] files, CsvOptions options)
    {
        if (files.Length == 0) return [];
        var names = files[0].Names;
        foreach (var other in files)
        {
            if (!other.Names.ToHashSet().SetEquals(names)) throw new FormatException($"[csv] the columns are {string.Join(", ", other.Names)}{other.File}, and {string.Join(", ", names)}{files[0].File}");
        }
        foreach (var (name, what) in options.Types.Keys.Select(name => (name, "a type is given for")).Concat(options.Classes.Keys.Select(name => (name, "classes are given for"))).Concat((options.Columns ?? []).Select(name => (name, "what is wanted is"))))
        {
            if (!names.Contains(name)) Throw.Argument("csv", $"{what} column {name}, but there are only {string.Join(", ", names)}");
        }
        if (options.Types.Keys.FirstOrDefault(options.Classes.ContainsKey) is { } both) Throw.Argument("csv", $"column {both} is given both a type and classes");
        var typing = new CsvTyping(options);
        var columns = (options.Columns ?? names).Select(name => typing.Columns([.. files.Select(file => file.Columns.First(column => column.Name == name))])).ToArray();
        return [.. files.Select((file, i) => new CsvTable([.. columns.Select(column => column[i])], file.Lines))];
    }

    /// <summary>The fields of a file.</summary>
    private sealed record Parsed(string[] Names, CsvFields[] Columns, List<int> Lines, string File);
}
