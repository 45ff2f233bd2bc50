using System.Globalization;
using System.Numerics;

namespace ManagedFed.Federation.Data;

/// <summary>The layers of equal area that cover a density, computed as Marsaglia and Tsang describe and rounded as NumPy's are.</summary>
/// <remarks>
/// With density f and layer area v the right edges are x₂₅₅ = r and xᵢ = f⁻¹(v/xᵢ₊₁ + f(xᵢ₊₁)). NumPy's normal tables come from a
/// computation in doubles, its exponential ones from a finer one; to the last bit both are as here, with exp and log rounded correctly.
/// </remarks>
internal static class Ziggurat
{
    /// <summary>Where the tail of the normal distribution begins.</summary>
    public const double NormalEdge = 3.6541528853610088, InverseNormalEdge = 1 / NormalEdge;

    /// <summary>Where the tail of the exponential distribution begins.</summary>
    public const double ExponentialEdge = 7.69711747013104972;

    public static readonly Table Normal = MakeNormal();
    public static readonly Table Exponential = MakeExponential();

    private const int Layers = 256;

    /// <summary>A random position p in a layer stands for x = p·Widths; below Inside it is certain to be under the curve.</summary>
    internal sealed record Table(ulong[] Inside, double[] Widths, double[] Heights)
    {
        public Table() : this(new ulong[Layers], new double[Layers], new double[Layers])
        {
        }
    }

    private static Table MakeNormal()
    {
        const double area = 0.004928673233974652, positions = 1L << 52;
        var table = new Table();
        var x = NormalEdge;
        table.Widths[^1] = x / positions;
        table.Heights[^1] = Density(x);
        table.Inside[0] = (ulong)Math.Round(x * table.Heights[^1] / area * positions);
        table.Widths[0] = area / table.Heights[^1] / positions;
        table.Heights[0] = 1;
        for (var i = Layers - 2; i > 0; i--)
        {
            var next = Math.Sqrt(-2 * Round(Log(Exact(area / x + table.Heights[i + 1]))));
            table.Inside[i + 1] = (ulong)Math.Round(next / x * positions);
            table.Widths[i] = next / positions;
            table.Heights[i] = Density(next);
            // The one value of NumPy's that is not the nearest double.
            if (i == 38) table.Heights[i] = Math.BitIncrement(table.Heights[i]);
            x = next;
        }
        return table;

        static double Density(double x) => Round(Exp(Exact(-0.5 * x * x)));
    }

    private static Table MakeExponential()
    {
        const decimal edge = 7.6971174701310497140446280481m;
        const double positions = 1L << 53;
        var table = new Table();
        var (x, height) = (edge, Exp(-edge));
        var area = (edge + 1) * height;
        table.Widths[^1] = Round(x) / positions;
        table.Heights[^1] = Round(height);
        table.Inside[0] = Even(x * height / area);
        table.Widths[0] = Round(area / height) / positions;
        table.Heights[0] = 1;
        for (var i = Layers - 2; i > 0; i--)
        {
            height += area / x;
            var next = -Log(height);
            table.Inside[i + 1] = Even(next / x);
            table.Widths[i] = Round(next) / positions;
            table.Heights[i] = Round(height);
            x = next;
        }
        return table;

        static ulong Even(decimal ratio) => 2 * (ulong)(ratio * (1L << 52));
    }

    /// <summary>eˣ for −8 ≤ x ≤ 0 to 24 digits: the series of x/1024, squared ten times.</summary>
    private static decimal Exp(decimal x)
    {
        x /= 1024;
        var (sum, term) = (1m, 1m);
        for (var n = 1; term != 0; n++) sum += term *= x / n;
        for (var i = 0; i < 10; i++) sum *= sum;
        return sum;
    }

    /// <summary>log y for 0 &lt; y ≤ 1: one step of Halley's method triples the digits of a double.</summary>
    private static decimal Log(decimal y)
    {
        var guess = (decimal)Math.Log((double)y);
        var power = Exp(guess);
        return guess + 2 * (y - power) / (y + power);
    }

    private static decimal Exact(double value)
    {
        var shift = 52 - Math.ILogB(value);
        return (long)Math.ScaleB(value, shift) / (decimal)BigInteger.Pow(2, shift);
    }

    // A cast would round twice.
    private static double Round(decimal value) =>
        double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
