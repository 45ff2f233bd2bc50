using System.Buffers;
using System.Globalization;
using System.Numerics;

namespace ManagedFed.Nn.Data;

/// <summary>Numbers as CSV files write them, alike in every culture.</summary>
internal sealed class CsvNumbers(CsvOptions options)
{
    private const NumberStyles Fraction = NumberStyles.Float;

    // What people write around and between the digits of numbers: thousands separators, another decimal separator, money, shares.
    private static readonly SearchValues<char> Decoration = SearchValues.Create("0123456789.,'_ \u00A0\u202F$€£¥%+-");

    private readonly NumberFormatInfo format = new() { NumberDecimalSeparator = options.DecimalSeparator.ToString(), NumberGroupSeparator = options.DecimalSeparator == '.' ? "," : "." };

    public bool IsMissing(ReadOnlySpan<char> field)
    {
        field = field.Trim();
        foreach (var text in options.Missing)
        {
            if (field.Equals(text, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    public static bool TryWhole<T>(ReadOnlySpan<char> field, out T value) where T : struct, INumberBase<T> => T.TryParse(field, NumberStyles.Integer, CultureInfo.InvariantCulture, out value);

    public static bool TryTruth(ReadOnlySpan<char> field, out bool value) => bool.TryParse(field, out value);

    public bool TryNumber(ReadOnlySpan<char> field, out double value)
    {
        field = field.Trim();
        if (field.Equals("inf", StringComparison.OrdinalIgnoreCase) || field.Equals("+inf", StringComparison.OrdinalIgnoreCase)) value = double.PositiveInfinity;
        else if (field.Equals("-inf", StringComparison.OrdinalIgnoreCase)) value = double.NegativeInfinity;
        else return double.TryParse(field, Fraction, format, out value);
        return true;
    }

    /// <summary>True for what is no number here and yet was meant as one, as <c>1,234</c> or <c>$5</c>: digits among signs of numbers.</summary>
    public static bool LooksLikeNumber(ReadOnlySpan<char> field)
    {
        field = field.Trim();
        // One hyphen behind the first digit is a date or a code.
        return field.ContainsAnyInRange('0', '9') && !field.ContainsAnyExcept(Decoration) && field[1..].IndexOfAny('-', '+') < 0;
    }
}
