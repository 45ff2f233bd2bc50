using System.Globalization;
using System.Runtime.InteropServices;

namespace ManagedFed.Federation.Data;

/// <summary>The distinct values of a column, in order of appearance, and each row's.</summary>
/// <param name="Values">The distinct values: all long, all double or all string.</param>
/// <param name="Codes">For each row the position of its value among <paramref name="Values"/>.</param>
/// <param name="Names">What the values are called.</param>
internal sealed record Labels(IReadOnlyList<IComparable> Values, int[] Codes, IReadOnlyList<string> Names)
{
    /// <summary>The positions of the values in ascending order; text by its code points, as Python and Arrow sort.</summary>
    public int[] Ascending { get; } = [.. Enumerable.Range(0, Values.Count).Order(Comparer<int>.Create((a, b) => Compare(Values[a], Values[b])))];

    public int Count => Values.Count;

    /// <summary>For each value the rows that have it, ascending.</summary>
    public int[][] Rows()
    {
        var sizes = new int[Count];
        foreach (var code in Codes) sizes[code]++;
        var rows = sizes.Select(size => new int[size]).ToArray();
        Array.Clear(sizes);
        for (var row = 0; row < Codes.Length; row++) rows[Codes[row]][sizes[Codes[row]]++] = row;
        return rows;
    }

    /// <summary>The same, by value ascending.</summary>
    public int[][] AscendingRows()
    {
        var rows = Rows();
        return [.. Ascending.Select(value => rows[value])];
    }

    public static Labels Of(string name, Column column)
    {
        switch (column)
        {
            case TextColumn text:
                return Of(Texts(name, text), value => value, column);
            case ArrayColumn { Values: { Shape.Rank: 1 } values }:
                return values.DType.IsFloating()
                    ? Of(Numbers(name, values), value => value.ToString(CultureInfo.InvariantCulture), column)
                    : Of(values.AsType(DType.Int64).ToArray<long>(), value => value.ToString(CultureInfo.InvariantCulture), column);
            default:
                throw new ArgumentException($"[labels] column '{name}' has shape {((ArrayColumn)column).Values.Shape}, expected one value per row");
        }
    }

    private static string[] Texts(string name, TextColumn column) =>
        [.. column.Values.Select((value, row) => value ?? throw new ArgumentException($"[labels] column '{name}' has no value in row {row}"))];

    private static double[] Numbers(string name, NdArray values)
    {
        var numbers = values.AsType(DType.Float64).ToArray<double>();
        var missing = Array.FindIndex(numbers, double.IsNaN);
        return missing < 0 ? numbers : throw new ArgumentException($"[labels] column '{name}' is NaN in row {missing}");
    }

    private static Labels Of<T>(T[] rows, Func<T, string> name, Column column) where T : IComparable
    {
        var positions = new Dictionary<T, int>();
        var values = new List<IComparable>();
        var codes = new int[rows.Length];
        for (var row = 0; row < rows.Length; row++)
        {
            ref var position = ref CollectionsMarshal.GetValueRefOrAddDefault(positions, rows[row], out var known);
            if (!known)
            {
                position = values.Count;
                values.Add(rows[row]);
            }
            codes[row] = position;
        }
        return new(values, codes, [.. values.Select(value => Name(column, value) ?? name((T)value))]);
    }

    private static string? Name(Column column, IComparable value) =>
        value is long label && column.ClassNames is { } names && label >= 0 && label < names.Count ? names[(int)label] : null;

    public static int Compare(IComparable a, IComparable b) => a is string text ? CompareCodePoints(text, (string)b) : a.CompareTo(b);

    /// <summary>UTF-16 puts characters of two units below the last ones of one unit; code points do not.</summary>
    private static int CompareCodePoints(string a, string b)
    {
        var same = a.AsSpan().CommonPrefixLength(b);
        if (same == Math.Min(a.Length, b.Length)) return a.Length.CompareTo(b.Length);
        return Rank(a[same]).CompareTo(Rank(b[same]));

        static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
    }
}
