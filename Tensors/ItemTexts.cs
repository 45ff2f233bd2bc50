using System.Globalization;
using System.Numerics;
using ManagedFed.Kernels;

namespace ManagedFed;

/// <summary>The elements of an array as texts that align in columns, as NumPy 2.3 prints them under its default options.</summary>
internal static class ItemTexts
{
    /// <summary>Digits behind the point at most.</summary>
    private const int Precision = 8;

    /// <summary>Smaller numbers but 0 are written with an exponent.</summary>
    private const double LeastPositional = 1e-4;

    /// <summary>All elements in row-major order, of one length each but for a scalar.</summary>
    public static string[] Of(NdArray array)
    {
        if (array.DType == DType.Bool)
        {
            var yes = array.Shape.Rank == 0 ? "True" : " True";
            return Array.ConvertAll(array.ToArray<bool>(), value => value ? yes : "False");
        }
        if (array.DType.IsFloating()) return OfFloats(array.AsType(DType.Float64).ToArray<double>(), FloatDigits.Of(array.DType));
        return AlignRight(Integers(array));
    }

    /// <summary>A scalar as NumPy's <c>str</c> gives it: with all digits it needs and, without an exponent, a digit behind the point.</summary>
    public static string OfScalar(NdArray scalar)
    {
        if (!scalar.DType.IsFloating()) return Of(scalar)[0];
        var value = scalar.AsType(DType.Float64).ToArray<double>()[0];
        if (!double.IsFinite(value)) return NotFinite(value);
        var type = FloatDigits.Of(scalar.DType);
        var (magnitude, limit) = (Math.Abs(value), Math.Pow(10, scalar.DType == DType.Float64 ? 16 : type.Precision));
        var scientific = magnitude != 0 && (magnitude < LeastPositional || magnitude >= limit);
        var (whole, fraction, power) = Parts.Of(value, type, FloatDigits.Unlimited, scientific, exactly: false);
        if (fraction.Length > 0) fraction = "." + fraction;
        return scientific ? whole + fraction + Exponent(power!.Value, 2) : whole + (fraction.Length > 0 ? fraction : ".0");
    }

    private static string[] OfFloats(double[] values, FloatDigits type)
    {
        double[] finite = [.. values.Where(double.IsFinite)], magnitudes = [.. finite.Where(value => value != 0).Select(Math.Abs)];
        var scientific = magnitudes.Length > 0 && IsWide(magnitudes.Min(), magnitudes.Max(), type);
        var parts = Array.ConvertAll(finite, value => Parts.Of(value, type, Precision, scientific, exactly: false));
        var left = parts.Length == 0 ? 0 : parts.Max(part => part.Whole.Length);
        var fraction = parts.Length == 0 ? 0 : parts.Max(part => part.Fraction.Length);
        var powerDigits = parts.Select(part => part.Power is { } power ? Digits(power).Length : 0).DefaultIfEmpty().Max();
        var right = fraction + (scientific ? 2 + powerDigits : 0);
        if (finite.Length < values.Length) left = Math.Max(left, (values.Contains(double.NegativeInfinity) ? 4 : 3) - (right + 1));
        return Array.ConvertAll(values, Text);

        string Text(double value)
        {
            if (!double.IsFinite(value)) return NotFinite(value).PadLeft(left + 1 + right);

            // A shared exponent form has equally many digits everywhere, and no zeros in place of digits that are known.
            var part = Parts.Of(value, type, scientific ? fraction : Precision, scientific, exactly: scientific);
            var digits = scientific ? part.Fraction.PadRight(fraction, '0') + Exponent(part.Power!.Value, powerDigits) : part.Fraction;
            return $"{part.Whole.PadLeft(left)}.{digits.PadRight(right)}";
        }
    }

    // Compared in the array's own type, as NumPy does.
    private static bool IsWide(double least, double most, FloatDigits type) =>
        most >= Math.Pow(10, Math.Min(8, type.Precision)) || least < type.Round(LeastPositional) || type.Round(most / least) > 1000;

    private static string NotFinite(double value) => double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static string Exponent(int power, int digits) => (power < 0 ? "e-" : "e+") + Digits(power).PadLeft(digits, '0');

    private static string Digits(int power) => Math.Abs(power).ToString("00", CultureInfo.InvariantCulture);

    private static string[] Integers(NdArray array)
    {
        var wide = array.AsType(array.DType.Wide());
        var body = new IntegerTexts(wide);
        NumberTypes.Run(wide.DType, ref body);
        return body.Texts!;
    }

    private static string[] AlignRight(string[] texts)
    {
        var width = texts.Max(text => text.Length);
        return Array.ConvertAll(texts, text => text.PadLeft(width));
    }

    private struct IntegerTexts(NdArray array) : INumberBody
    {
        public string[]? Texts;

        public void Run<T>() where T : unmanaged, INumber<T> =>
            Texts = Array.ConvertAll(array.ToArray<T>(), value => value.ToString(null, CultureInfo.InvariantCulture));
    }

    /// <summary>What stands in front of the point, behind it and, if written so, the power of ten; no zeros at the end.</summary>
    private readonly record struct Parts(string Whole, string Fraction, int? Power)
    {
        public static Parts Of(double value, FloatDigits type, int most, bool scientific, bool exactly)
        {
            var (digits, exponent) = type.Shortest(Math.Abs(value), most, scientific, exactly);
            var sign = double.IsNegative(value) ? "-" : "";
            if (scientific) return new(sign + digits[..1], digits[1..].TrimEnd('0'), exponent);
            if (exponent < 0) return new(sign + "0", (new string('0', -exponent - 1) + digits).TrimEnd('0'), null);
            digits = digits.PadRight(exponent + 1, '0');
            return new(sign + digits[..(exponent + 1)], digits[(exponent + 1)..].TrimEnd('0'), null);
        }
    }
}
