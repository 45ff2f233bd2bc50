namespace ManagedFed.Federation.Data;

/// <content>Continuous distributions.</content>
public sealed partial class NumpyGenerator
{
    /// <summary>A draw from N(0, 1): <c>standard_normal()</c>.</summary>
    /// <remarks>G. Marsaglia, W. W. Tsang, "The Ziggurat Method for Generating Random Variables", 2000, with 256 layers.</remarks>
    public double StandardNormal()
    {
        var table = Ziggurat.Normal;
        while (true)
        {
            var bits = NextUInt64();
            var layer = (int)(bits & 0xFF);
            var position = (bits >> 9) & ((1UL << 52) - 1);
            var x = position * table.Widths[layer];
            if ((bits & 0x100) != 0) x = -x;
            if (position < table.Inside[layer]) return x;
            if (layer == 0) return NormalTail(negative: (position >> 8 & 1) != 0);
            if (UnderCurve(table, layer, Math.Exp(-0.5 * x * x))) return x;
        }
    }

    /// <summary>A draw from N(mean, deviation²): <c>normal(mean, deviation)</c>.</summary>
    public double Normal(double mean, double deviation) => mean + deviation * StandardNormal();

    /// <summary>e to the power of a draw from N(mean, deviation²): <c>lognormal(mean, deviation)</c>.</summary>
    public double LogNormal(double mean, double deviation) => Math.Exp(Normal(mean, deviation));

    /// <summary>A draw with density e⁻ˣ, x ≥ 0: <c>standard_exponential()</c>.</summary>
    /// <remarks>The ziggurat method as for <see cref="StandardNormal"/>.</remarks>
    public double StandardExponential()
    {
        var table = Ziggurat.Exponential;
        while (true)
        {
            var bits = NextUInt64() >> 3;
            var layer = (int)(bits & 0xFF);
            var position = bits >> 8;
            var x = position * table.Widths[layer];
            if (position < table.Inside[layer]) return x;
            if (layer == 0) return Ziggurat.ExponentialEdge - Log1p(-Random());
            if (UnderCurve(table, layer, Math.Exp(-x))) return x;
        }
    }

    /// <summary>A draw with density xᵏ⁻¹ e⁻ˣ / Γ(k), x ≥ 0: <c>standard_gamma(k)</c>.</summary>
    /// <param name="shape">k, at least 0; at 0 every draw is 0.</param>
    /// <remarks>
    /// For k above 1: Marsaglia, Tsang, "A Simple Method for Generating Gamma Variables", 2000; below: J. H. Ahrens, U. Dieter,
    /// "Computer Methods for Sampling from Gamma, Beta, Poisson and Binomial Distributions", 1974, with an exponential for the tail.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The shape is negative or not a number.</exception>
    public double StandardGamma(double shape)
    {
        if (!(shape >= 0)) throw new ArgumentOutOfRangeException(nameof(shape), shape, $"[standard_gamma] shape {shape}, expected at least 0");
        return shape switch { 1 => StandardExponential(), 0 => 0, < 1 => SmallGamma(shape), _ => LargeGamma(shape) };
    }

    /// <summary>A draw from 0 … 1 with density proportional to xᵃ⁻¹ (1−x)ᵇ⁻¹: <c>beta(a, b)</c>.</summary>
    /// <remarks>
    /// Where a and b are at most 1: M. D. Jöhnk, 1964; else from two gamma draws. As NumPy 2.1 and later; older ones err where a
    /// and b are so small that a power of a uniform draw vanishes.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">a or b is not above 0.</exception>
    public double Beta(double a, double b)
    {
        if (!(a > 0)) throw new ArgumentOutOfRangeException(nameof(a), a, $"[beta] a is {a}, expected above 0");
        if (!(b > 0)) throw new ArgumentOutOfRangeException(nameof(b), b, $"[beta] b is {b}, expected above 0");
        if (a > 1 || b > 1)
        {
            var first = StandardGamma(a);
            return first / (first + StandardGamma(b));
        }
        while (true)
        {
            var (u, v) = (Random(), Random());
            var (x, y) = (Math.Pow(u, 1 / a), Math.Pow(v, 1 / b));
            if (x + y > 1 || u + v <= 0) continue;
            if (x > 0 && y > 0) return x / (x + y);
            // Where one is too small for a double, its logarithm is not: x/(x+y) = 1/(1 + y/x).
            var ratio = Math.Log(u) / a - Math.Log(v) / b;
            return Math.Exp(Math.Min(ratio, 0) - Log1p(Math.Exp(-Math.Abs(ratio))));
        }
    }

    /// <summary>Proportions that sum to 1 with density proportional to Π xᵢ^(αᵢ−1): <c>dirichlet(alpha)</c>.</summary>
    /// <param name="alpha">Concentrations above 0: the smaller, the more one proportion prevails.</param>
    /// <remarks>From gamma draws, or where all are below 0.1 from beta draws, each a part of what is left, since gamma draws vanish then.</remarks>
    /// <exception cref="ArgumentException">A concentration is not above 0.</exception>
    public double[] Dirichlet(ReadOnlySpan<double> alpha)
    {
        var largest = 0.0;
        foreach (var value in alpha)
        {
            if (!(value > 0)) throw new ArgumentException($"[dirichlet] a concentration is {value}, expected above 0");
            largest = Math.Max(largest, value);
        }
        var result = new double[alpha.Length];
        if (alpha.Length > 0 && largest < 0.1) BreakStick(alpha, result);
        else Normalize(alpha, result);
        return result;
    }

    private void Normalize(ReadOnlySpan<double> alpha, double[] result)
    {
        var sum = 0.0;
        for (var i = 0; i < alpha.Length; i++) sum += result[i] = StandardGamma(alpha[i]);
        var inverse = 1 / sum;
        foreach (ref var value in result.AsSpan()) value *= inverse;
    }

    private void BreakStick(ReadOnlySpan<double> alpha, double[] result)
    {
        // What the concentrations from each position on sum to.
        var rest = new double[alpha.Length];
        var sum = 0.0;
        for (var i = alpha.Length - 1; i >= 0; i--) rest[i] = sum += alpha[i];
        var left = 1.0;
        for (var i = 0; i < alpha.Length - 1; i++)
        {
            var part = Beta(alpha[i], rest[i + 1]);
            result[i] = left * part;
            left *= 1 - part;
        }
        result[^1] = left;
    }

    private double SmallGamma(double shape)
    {
        while (true)
        {
            var u = Random();
            var v = StandardExponential();
            if (u <= 1 - shape)
            {
                var x = Math.Pow(u, 1 / shape);
                if (x <= v) return x;
            }
            else
            {
                var y = -Math.Log((1 - u) / shape);
                var x = Math.Pow(1 - shape + shape * y, 1 / shape);
                if (x <= v + y) return x;
            }
        }
    }

    private double LargeGamma(double shape)
    {
        var b = shape - 1.0 / 3;
        var c = 1 / Math.Sqrt(9 * b);
        while (true)
        {
            double x, v;
            do
            {
                x = StandardNormal();
                v = 1 + c * x;
            }
            while (v <= 0);
            v = v * v * v;
            var u = Random();
            if (u < 1 - 0.0331 * (x * x) * (x * x)) return b * v;
            if (Math.Log(u) < 0.5 * x * x + b * (1 - v + Math.Log(v))) return b * v;
        }
    }

    // Marsaglia, "Generating a Variable from the Tail of the Normal Distribution", 1964.
    private double NormalTail(bool negative)
    {
        while (true)
        {
            var x = -Ziggurat.InverseNormalEdge * Log1p(-Random());
            var y = -Log1p(-Random());
            if (y + y > x * x) return negative ? -(Ziggurat.NormalEdge + x) : Ziggurat.NormalEdge + x;
        }
    }

    private bool UnderCurve(Ziggurat.Table table, int layer, double height) =>
        (table.Heights[layer - 1] - table.Heights[layer]) * Random() + table.Heights[layer] < height;

    /// <summary>log(1 + x) for −1 &lt; x ≤ 1, rounded as C libraries do: log(1 + x) = k·log 2 + log(1 + f), the last by a polynomial in f/(2+f).</summary>
    /// <remarks>The method of FDLIBM's <c>log1p</c> (Sun Microsystems, 1993), summed in the order glibc has it.</remarks>
    internal static double Log1p(double x)
    {
        if (Math.Abs(x) < 1 / (double)(1 << 29)) return x - x * x * 0.5;
        var (k, f, rounding) = (0, x, 0.0);
        var high = 1;
        if (BitConverter.DoubleToInt64Bits(x) >>> 32 is >= 0x3FDA827A and < 0x80000000 or > 0xBFD2BEC3)
        {
            // 1 + x = 2ᵏ·(1 + f) with √½ < 1 + f < √2, and what the sum 1 + x lost.
            var u = 1 + x;
            var bits = BitConverter.DoubleToInt64Bits(u);
            k = (int)(bits >> 52) - 1023;
            rounding = (x - (u - 1)) / u;
            high = (int)(bits >> 32) & 0xFFFFF;
            var halve = high >= 0x6A09E;
            if (halve)
            {
                k++;
                high = (0x100000 - high) >> 2;
            }
            f = BitConverter.Int64BitsToDouble((bits & 0xFFFFFFFFFFFFF) | (halve ? 0x3FE0000000000000 : 0x3FF0000000000000)) - 1;
        }
        const double ln2High = 6.93147180369123816490e-01, ln2Low = 1.90821492927058770002e-10;
        var square = 0.5 * f * f;
        if (high == 0)
        {
            if (f == 0) return k * ln2High + (rounding + k * ln2Low);
            var rest = square * (1 - 0.66666666666666666 * f);
            return k * ln2High - ((rest - (k * ln2Low + rounding)) - f);
        }
        var s = f / (2 + f);
        var z = s * s;
        var (z2, z4) = (z * z, z * z * (z * z));
        var series = z * 6.666666666666735130e-01
            + z2 * (3.999999999940941908e-01 + z * 2.857142874366239149e-01)
            + z4 * (2.222219843214978396e-01 + z * 1.818357216161805012e-01)
            + z4 * z2 * (1.531383769920937332e-01 + z * 1.479819860511658591e-01);
        return k == 0
            ? f - (square - s * (square + series))
            : k * ln2High - ((square - (s * (square + series) + (k * ln2Low + rounding))) - f);
    }
}
