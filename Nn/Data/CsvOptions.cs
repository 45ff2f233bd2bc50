namespace ManagedFed.Nn.Data;

/// <summary>How <see cref="Csv"/> reads a file.</summary>
public sealed record CsvOptions
{
    /// <summary>What stands between two fields. Default: a comma.</summary>
    public char Separator { get; init; } = ',';

    /// <summary>True when the first record names the columns; else they are called <c>0</c>, <c>1</c>, …. Default: true.</summary>
    public bool HasHeader { get; init; } = true;

    /// <summary>
    /// The types of columns by name. One that is not given becomes int64 when every field of it is a whole number that fits, else
    /// float64 when every field is a number, else bool when every field is <c>true</c> or <c>false</c>, and else classes.
    /// </summary>
    public IReadOnlyDictionary<string, DType> Types { get; init; } = new Dictionary<string, DType>();

    /// <summary>The most bytes of a file. Default: 1 GiB. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxBytes
    {
        get;
        init => field = Interval.Counts.Check("csv", nameof(MaxBytes), value);
    } = 1 << 30;

    /// <summary>The most characters of one field. Default: 65 536. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxFieldLength
    {
        get;
        init => field = Interval.Counts.Check("csv", nameof(MaxFieldLength), value);
    } = 1 << 16;
}
