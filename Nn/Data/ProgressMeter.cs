namespace ManagedFed.Nn.Data;

/// <summary>How far a piece of work is.</summary>
/// <param name="Done">Examples seen.</param>
/// <param name="Total">Examples there are.</param>
/// <param name="MeanLoss">The loss per example so far.</param>
/// <param name="Elapsed">The time since the start.</param>
public readonly record struct Progress(long Done, long Total, double MeanLoss, TimeSpan Elapsed)
{
    /// <summary>Examples per second; 0 before any time has passed.</summary>
    public double Rate => Elapsed > TimeSpan.Zero ? Done / Elapsed.TotalSeconds : 0;

    /// <summary>The time that the rest takes at this rate; null before the first example.</summary>
    public TimeSpan? Remaining => Done > 0 ? Elapsed * ((double)(Total - Done) / Done) : null;
}

/// <summary>Counts examples and reports now and then; showing it is the receiver's.</summary>
/// <example>
/// <code>
/// var meter = new ProgressMeter(data.Count, new Progress&lt;Progress&gt;(p => label.Text = $"{p.Done} of {p.Total}"));
/// foreach (var batch in batches) meter.Add(batch.Count, step.Invoke(batch.Inputs, batch.Labels));
/// </code>
/// </example>
public sealed class ProgressMeter
{
    private readonly IProgress<Progress> receiver;
    private readonly TimeProvider clock;
    private readonly TimeSpan interval;
    private readonly long total, start;
    private long done, reported;
    private double loss;

    /// <summary>Starts the time.</summary>
    /// <param name="total">The number of examples to come, at least 0.</param>
    /// <param name="receiver">Gets the reports, on the thread that calls <see cref="Add"/>.</param>
    /// <param name="interval">The least time between two reports, not negative; 0.1 s when null. The last example is reported in any case.</param>
    /// <param name="clock">The system's when null.</param>
    /// <exception cref="ArgumentException">The total or the interval is negative.</exception>
    public ProgressMeter(long total, IProgress<Progress> receiver, TimeSpan? interval = null, TimeProvider? clock = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(total);
        ArgumentNullException.ThrowIfNull(receiver);
        this.total = total;
        this.receiver = receiver;
        this.interval = interval is { } given ? Interval.NotNegative.Check("progress", nameof(interval), given) : TimeSpan.FromSeconds(0.1);
        this.clock = clock ?? TimeProvider.System;
        start = reported = this.clock.GetTimestamp();
    }

    /// <summary>Counts the examples of a batch.</summary>
    /// <param name="count">How many, at least 0.</param>
    /// <param name="meanLoss">Their mean loss.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public void Add(int count, double meanLoss)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        done += count;
        loss += count * meanLoss;
        var now = clock.GetTimestamp();
        if (done < total && clock.GetElapsedTime(reported, now) < interval) return;
        reported = now;
        receiver.Report(new(done, total, done > 0 ? loss / done : 0, clock.GetElapsedTime(start, now)));
    }
}
