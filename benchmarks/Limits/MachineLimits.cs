using System.Globalization;

namespace ManagedFed.Benchmarks.Limits;

/// <summary>What a work cannot do without: the arithmetic of products, or the traffic of all else.</summary>
internal abstract record Cost
{
    /// <summary>Multiplications and additions, each counted as one.</summary>
    public sealed record Arithmetic(double Flops) : Cost;

    /// <summary>Inputs read once and the output written once.</summary>
    public sealed record Memory(Traffic Traffic) : Cost;
}

/// <summary>The machine's limits, each measured when it is first asked for.</summary>
internal sealed class MachineLimits
{
    private readonly Dictionary<int, double> peaks = [];
    private readonly Dictionary<(Traffic, int), double> bandwidths = [];

    /// <summary>The least time a work can take, in microseconds.</summary>
    public double Microseconds(Cost cost, int threads) => 1e6 * cost switch
    {
        Cost.Arithmetic(var flops) => flops / Peak(threads),
        Cost.Memory(var traffic) => traffic.Bytes / BytesPerSecond(traffic, threads),
        _ => throw new NotSupportedException($"{cost} has no limit"),
    };

    /// <summary>The limits measured so far, a line for each.</summary>
    public IEnumerable<string> Lines()
    {
        foreach (var (threads, peak) in peaks)
        {
            yield return Line($"FMA peak at threads {threads}: {peak / 1e9:0.0} GFLOP/s");
        }
        foreach (var ((traffic, threads), rate) in bandwidths)
        {
            yield return Line($"{traffic.Reads} read, {traffic.Writes} written, {traffic.Floats:#,0} floats each, threads {threads}: {rate / 1e9:0.0} GB/s");
        }

        static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private double Peak(int threads) => Get(peaks, threads, () => FmaPeak.Measure(threads));

    private double BytesPerSecond(Traffic traffic, int threads) => Get(bandwidths, (traffic, threads), () => Bandwidth.Measure(traffic, threads));

    private static double Get<TKey>(Dictionary<TKey, double> known, TKey key, Func<double> measure) where TKey : notnull =>
        known.TryGetValue(key, out var value) ? value : known[key] = measure();
}
