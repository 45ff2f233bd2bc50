using System.Globalization;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Microseconds per call, one figure for each sample.</summary>
internal sealed record Timing(double[] Samples)
{
    public double Median => Quantile(0.5);

    /// <summary>The distance between the quartiles, relative to the median.</summary>
    public double Spread => (Quantile(0.75) - Quantile(0.25)) / Median;

    private double Quantile(double q)
    {
        var sorted = Samples.Order().ToArray();
        var position = q * (sorted.Length - 1);
        var below = (int)position;
        return sorted[below] + (position - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]);
    }
}

/// <summary>A row as measured.</summary>
/// <param name="Work">The row's name.</param>
/// <param name="Threads">The threads of both engines.</param>
/// <param name="Ours">Our times.</param>
/// <param name="Theirs">TorchSharp's, or null where it is not there.</param>
/// <param name="OfLimit">The least time the machine needs, relative to our median.</param>
/// <param name="BytesPerCall">What our side allocates on the managed heap.</param>
/// <param name="Difference">Where the two results differ, or null if they agree.</param>
internal sealed record Measurement(
    string Work, int Threads, Timing Ours, Timing? Theirs, double OfLimit, double BytesPerCall, string? Difference)
{
    /// <summary>Theirs / ours: above 1 we are faster.</summary>
    public double? Ratio => Theirs?.Median / Ours.Median;
}

/// <summary>Numbers for readers.</summary>
internal static class Figures
{
    /// <summary>A time in microseconds as three or more digits with its unit.</summary>
    public static string Time(double us) => us switch
    {
        < 10 => Text($"{us:0.00} µs"),
        < 100 => Text($"{us:0.0} µs"),
        < 1000 => Text($"{us:0} µs"),
        < 10_000 => Text($"{us / 1e3:0.00} ms"),
        < 100_000 => Text($"{us / 1e3:0.0} ms"),
        < 1_000_000 => Text($"{us / 1e3:0} ms"),
        _ => Text($"{us / 1e6:0.00} s"),
    };

    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
