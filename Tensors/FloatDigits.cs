using System.Numerics;

namespace ManagedFed;

/// <summary>The numbers that a floating type holds: m·2ᵉ with |m| &lt; 2^Bits and e ≥ MinExponent.</summary>
internal readonly record struct FloatDigits(int Bits, int MinExponent)
{
    /// <summary>More digits than any shortest form of a number that is written without exponent has behind its point.</summary>
    public const int Unlimited = 40;

    /// <summary>How many decimal digits every such number keeps: ⌊(Bits − 1)·log₁₀2⌋.</summary>
    public int Precision => (int)((Bits - 1) * Math.Log10(2));

    /// <summary>The numbers of an element type.</summary>
    public static FloatDigits Of(DType dtype)
    {
        var facts = DTypes.FInfo(dtype);
        return new(facts.SignificantBits, Math.ILogB(facts.SmallestNormal) - facts.SignificantBits + 1);
    }

    /// <summary>The nearest of these numbers, ties to even, for values that are neither very small nor very large.</summary>
    public double Round(double value)
    {
        if (!double.IsNormal(value)) return value;
        var shift = Math.ILogB(value) - Bits + 1;
        return Math.ScaleB(Math.Round(Math.ScaleB(value, -shift)), shift);
    }

    /// <summary>
    /// The shortest decimal digits that tell a number from its neighbours, d₀.d₁d₂… · 10^Exponent, rounded by its exact value
    /// (ties to even) where these are too many.
    /// </summary>
    /// <param name="magnitude">One of these numbers, finite and not negative.</param>
    /// <param name="most">The number of digits behind the point at most.</param>
    /// <param name="scientific">The point is that behind d₀, not that of the number.</param>
    /// <param name="exactly">Give exact digits behind the shortest ones up to <paramref name="most"/>.</param>
    /// <remarks>
    /// Steele and White, "How to print floating-point numbers accurately" (1990): the number is r/s, half the way to its
    /// neighbours low/s and high/s, all of them whole.
    /// </remarks>
    public (string Digits, int Exponent) Shortest(double magnitude, int most, bool scientific, bool exactly)
    {
        if (magnitude == 0) return ("0", 0);
        var e = Math.Max(Math.ILogB(magnitude) - Bits + 1, MinExponent);
        var m = (long)Math.ScaleB(magnitude, -e);

        // The neighbour below a power of two is nearer.
        var nearer = m == 1L << (Bits - 1) && e > MinExponent;
        var (r, s) = (new BigInteger(4 * m) << Math.Max(e, 0), new BigInteger(4) << Math.Max(-e, 0));
        var high = new BigInteger(2) << Math.Max(e, 0);
        var low = nearer ? high >> 1 : high;

        var exponent = (int)Math.Floor(Math.Log10(magnitude));
        var scale = BigInteger.Pow(10, Math.Abs(exponent));
        if (exponent >= 0) s *= scale;
        else (r, low, high) = (r * scale, low * scale, high * scale);
        if (r >= 10 * s) (exponent, s) = (exponent + 1, 10 * s);
        else if (r < s) (exponent, r, low, high) = (exponent - 1, 10 * r, 10 * low, 10 * high);

        var last = scientific ? exponent - most : -most;
        var digits = new List<int>();
        for (var place = exponent; ; place--)
        {
            digits.Add((int)BigInteger.DivRem(r, s, out r));
            var down = long.IsEvenInteger(m) ? r <= low : r < low;
            var up = long.IsEvenInteger(m) ? r + high >= s : r + high > s;
            if (place == last || (down || up) && !exactly)
            {
                var half = (2 * r).CompareTo(s);
                if (down != up ? up : half > 0 || half == 0 && int.IsOddInteger(digits[^1])) exponent += Increment(digits);
                return (string.Concat(digits), exponent);
            }
            (r, low, high) = (10 * r, 10 * low, 10 * high);
        }
    }

    /// <summary>Adds one to the last digit; 1 if a digit more came in front.</summary>
    private static int Increment(List<int> digits)
    {
        while (digits.Count > 0 && digits[^1] == 9) digits.RemoveAt(digits.Count - 1);
        if (digits.Count > 0) digits[^1]++;
        else digits.Add(1);
        return digits is [1] ? 1 : 0;
    }
}
