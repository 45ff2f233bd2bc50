namespace ManagedFed.Nn.Data;

/// <summary>How <see cref="Csv"/> reads a file.</summary>
public sealed record CsvOptions
{
    /// <summary>What stands between two fields. Default: a comma.</summary>
    public char Separator { get; init; } = ',';

    /// <summary>What stands before the fraction of a number, a point or a comma. Default: a point, in every culture.</summary>
    public char DecimalSeparator { get; init; } = '.';

    /// <summary>True when the first record names the columns; else they are called <c>0</c>, <c>1</c>, …. Default: true.</summary>
    public bool HasHeader { get; init; } = true;

    /// <summary>The columns to read, in this order; all of the file when null, the default. What the others hold is not looked at.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>
    /// The types of columns by name. One that is not given here or in <see cref="Classes"/> becomes int64 when every field of it is a whole number
    /// that fits, else float64 when every field is a number or missing, else bool when every field is <c>true</c> or <c>false</c>, and classes when
    /// its fields are words. What is neither, such as words among numbers, is an error.
    /// </summary>
    public IReadOnlyDictionary<string, DType> Types { get; init; } = new Dictionary<string, DType>();

    /// <summary>
    /// The classes of columns of text by name, in the order of their numbers; null for those that occur, in ordinal order. Files read with
    /// the same list number alike, such as the parts of several clients; a field that is not in the list is an error.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>?> Classes { get; init; } = new Dictionary<string, IReadOnlyList<string>?>();

    /// <summary>
    /// The fields that stand for a missing number, in any case of letters and without the white space around them. A missing number is NaN, which whole
    /// numbers and truth values have not. Default: the empty field, <c>NA</c>, <c>N/A</c> and <c>null</c>. In a column of text they are texts as others.
    /// </summary>
    public IReadOnlyList<string> Missing { get; init; } = ["", "NA", "N/A", "null"];

    /// <summary>The most bytes of a file. Default: no limit; memory takes about two bytes for one of the file. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxBytes
    {
        get;
        init => field = Interval.Counts.Check("csv", nameof(MaxBytes), value);
    } = long.MaxValue;

    /// <summary>The most characters of one field. Default: 1,048,576. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxFieldLength
    {
        get;
        init => field = Interval.Counts.Check("csv", nameof(MaxFieldLength), value);
    } = 1 << 20;
}
