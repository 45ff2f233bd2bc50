namespace ManagedFed.Nn.Data;

/// <summary>Decides what a column is, from the fields of all files that are read together, and makes its values.</summary>
internal sealed class CsvTyping(CsvOptions options)
{
    private readonly CsvNumbers numbers = new(options);

    /// <summary>The column of each file, all of one type and with the same classes.</summary>
    public CsvColumn[] Columns(IReadOnlyList<CsvFields> parts)
    {
        var name = parts[0].Name;
        if (options.Classes.TryGetValue(name, out var given)) return Texts(parts, given);
        if (options.Types.TryGetValue(name, out var dtype)) return [.. parts.Select(part => new CsvColumn(name, Given(part, dtype), null))];

        var (whole, missing, number, truth, word, odd) = Survey(parts);
        var filled = whole + number + truth + word;
        if (filled == 0) return [.. parts.Select(part => new CsvColumn(name, missing > 0 ? Numbers(part) : NdArray.Zeros([0], DType.Float64), null))];
        if (whole == filled && missing == 0) return [.. parts.Select(part => new CsvColumn(name, Wholes(part), null))];
        if (whole + number == filled) return [.. parts.Select(part => new CsvColumn(name, Numbers(part), null))];
        if (truth == filled) return [.. parts.Select(part => new CsvColumn(name, Truths(part), null))];
        if (whole + number == 0 && odd < word + truth) return Texts(parts, null);
        throw Mixed(parts, whole + number > 0);
    }

    /// <summary>How many fields are whole numbers, missing, other numbers, truth values, words, and words that look like numbers.</summary>
    private (int Whole, int Missing, int Number, int Truth, int Word, int Odd) Survey(IReadOnlyList<CsvFields> parts)
    {
        int whole = 0, missing = 0, number = 0, truth = 0, word = 0, odd = 0;
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Count; i++)
            {
                var field = part[i];
                if (numbers.IsMissing(field)) missing++;
                else if (CsvNumbers.TryWhole<long>(field, out _)) whole++;
                else if (numbers.TryNumber(field, out _)) number++;
                else if (CsvNumbers.TryTruth(field, out _)) truth++;
                else
                {
                    word++;
                    if (CsvNumbers.LooksLikeNumber(field)) odd++;
                }
            }
        }
        return (whole, missing, number, truth, word, odd);
    }

    /// <summary>The first field that keeps a column from being numbers; of one without numbers the first that only looks like one.</summary>
    private FormatException Mixed(IReadOnlyList<CsvFields> parts, bool hasNumbers)
    {
        const string Hint = "give the column's type in CsvOptions.Types, its classes in CsvOptions.Classes, or leave it out by CsvOptions.Columns";
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Count; i++)
            {
                if (numbers.IsMissing(part[i]) || numbers.TryNumber(part[i], out _) || !(hasNumbers || CsvNumbers.LooksLikeNumber(part[i]))) continue;
                return part.Error(i, hasNumbers
                    ? $"is no number, but other fields of column {part.Name} are; {Hint}"
                    : $"looks like a number with marks that are not read (the decimal separator is '{options.DecimalSeparator}'); {Hint}");
            }
        }
        throw new System.Diagnostics.UnreachableException();
    }

    private static CsvColumn[] Texts(IReadOnlyList<CsvFields> parts, IReadOnlyList<string>? given)
    {
        var classes = given ?? Occurring(parts);
        var codes = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < classes.Count; i++)
        {
            if (!codes.TryAdd(classes[i], i)) Throw.Argument("csv", $"class '{classes[i]}' of column {parts[0].Name} is listed twice");
        }
        var lookup = codes.GetAlternateLookup<ReadOnlySpan<char>>();
        return [.. parts.Select(part => new CsvColumn(part.Name, Values(part, i => lookup.TryGetValue(part[i], out var code) ? code
            : throw part.Error(i, $"is not among the {classes.Count} classes of column {part.Name}: {string.Join(", ", classes.Take(20))}{(classes.Count > 20 ? ", …" : "")}")), classes))];
    }

    private static string[] Occurring(IReadOnlyList<CsvFields> parts)
    {
        var classes = new HashSet<string>(StringComparer.Ordinal);
        var lookup = classes.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Count; i++) lookup.Add(part[i]);
        }
        return [.. classes.Order(StringComparer.Ordinal)];
    }

    private NdArray Given(CsvFields fields, DType dtype)
    {
        if (dtype == DType.Bool) return Truths(fields);
        if (dtype.IsFloating()) return Numbers(fields).AsType(dtype);
        if (dtype == DType.UInt64) return Values(fields, i => CsvNumbers.TryWhole(fields[i], out ulong value) ? value : throw NotOf(fields, i, dtype));
        var wide = Wholes(fields);
        var narrow = wide.AsType(dtype);
        // Through the type and back: a value that does not fit comes back as another.
        var back = narrow.AsType(DType.Int64);
        for (var i = 0; i < fields.Count; i++)
        {
            if (back.AsSpan<long>()[i] != wide.AsSpan<long>()[i]) throw NotOf(fields, i, dtype);
        }
        return narrow;
    }

    private NdArray Truths(CsvFields fields) => Values(fields, i => CsvNumbers.TryTruth(fields[i], out var value) ? value : throw NotOf(fields, i, DType.Bool));

    private NdArray Wholes(CsvFields fields) => Values(fields, i => CsvNumbers.TryWhole(fields[i], out long value) ? value
        : throw NotOf(fields, i, options.Types.GetValueOrDefault(fields.Name, DType.Int64)));

    private NdArray Numbers(CsvFields fields) => Values(fields, i => numbers.IsMissing(fields[i]) ? double.NaN
        : numbers.TryNumber(fields[i], out var value) ? value : throw NotOf(fields, i, options.Types.GetValueOrDefault(fields.Name, DType.Float64)));

    private FormatException NotOf(CsvFields fields, int row, DType dtype) =>
        fields.Error(row, $"is not of type {dtype.Name()}{(numbers.IsMissing(fields[row]) ? ": a missing value, which only floating types can hold" : "")}");

    private static NdArray Values<T>(CsvFields fields, Func<int, T> value) where T : unmanaged
    {
        var values = new T[fields.Count];
        for (var i = 0; i < values.Length; i++) values[i] = value(i);
        return NdArray.From<T>(values, [values.Length]);
    }
}
