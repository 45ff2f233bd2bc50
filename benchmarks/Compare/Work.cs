namespace ManagedFed.Benchmarks.Compare;

/// <summary>One engine's way to do a piece of work, with its data in place.</summary>
internal interface ISide
{
    /// <summary>Does the work once; this is what the clock sees.</summary>
    void Run();

    /// <summary>What the last run computed, for comparing the engines.</summary>
    float[] Result();
}

/// <summary>A row of the comparison: the same work for both engines.</summary>
/// <param name="Name">What is done.</param>
/// <param name="Steps">How many equal steps one run has; times are given per step.</param>
/// <param name="Tolerance">How far two results may lie apart, relative to max(1, |theirs|).</param>
/// <param name="Ours">Prepares our side.</param>
/// <param name="Theirs">Prepares TorchSharp's side; called only where its library loads.</param>
internal sealed record Work(string Name, int Steps, double Tolerance, Func<ISide> Ours, Func<ISide> Theirs)
{
    /// <summary>A smaller version whose results must lie closer together, run before the clock starts.</summary>
    public Work? Probe { get; init; }
}

/// <summary>A side made of two delegates.</summary>
internal sealed class Side(Action run, Func<float[]> result) : ISide
{
    public void Run() => run();

    public float[] Result() => result();
}

/// <summary>Microseconds per step: medians over the runs, and the runs.</summary>
internal sealed record Measurement(string Work, int Threads, int Steps, double[] OursRuns, double[] TheirsRuns)
{
    public double OursUs => Median(OursRuns);

    public double? TheirsUs => TheirsRuns.Length == 0 ? null : Median(TheirsRuns);

    /// <summary>Theirs / ours: above 1 we are faster.</summary>
    public double? Ratio => TheirsUs / OursUs;

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
