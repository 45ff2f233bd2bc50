namespace ManagedFed.Nn;

/// <summary>Learning rates as functions of the step t, counted from 0, for an optimizer's <see cref="Optimizer.Schedule"/>.</summary>
public static class Schedules
{
    /// <summary>start · rateᵗ.</summary>
    /// <exception cref="ArgumentException">A value lies outside [0, ∞).</exception>
    public static Func<long, double> ExponentialDecay(double start, double rate)
    {
        Check("exponential_decay", (nameof(start), start), (nameof(rate), rate));
        return step => start * Math.Pow(rate, step);
    }

    /// <summary>start · rate^⌊t/every⌋.</summary>
    /// <exception cref="ArgumentException">A value lies outside [0, ∞), or <paramref name="every"/> is below 1.</exception>
    public static Func<long, double> StepDecay(double start, double rate, long every)
    {
        Check("step_decay", (nameof(start), start), (nameof(rate), rate));
        Interval.Counts.Check("step_decay", nameof(every), every);
        return step => start * Math.Pow(rate, step / every);
    }

    /// <summary>end + ½·(start − end)·(1 + cos(π·min(t, steps)/steps)): half a wave down, then constant (Loshchilov and Hutter 2017).</summary>
    /// <exception cref="ArgumentException">A value lies outside [0, ∞), or <paramref name="steps"/> is below 1.</exception>
    public static Func<long, double> CosineDecay(double start, long steps, double end = 0)
    {
        Check("cosine_decay", (nameof(start), start), (nameof(end), end));
        Interval.Counts.Check("cosine_decay", nameof(steps), steps);
        return step => end + 0.5 * (start - end) * (1 + Math.Cos(Math.PI * Math.Min(step, steps) / steps));
    }

    /// <summary>start + (end − start)·min(t, steps)/steps: a straight line, up or down, then constant.</summary>
    /// <exception cref="ArgumentException">A value lies outside [0, ∞), or <paramref name="steps"/> is below 1.</exception>
    public static Func<long, double> Linear(double start, double end, long steps)
    {
        Check("linear_schedule", (nameof(start), start), (nameof(end), end));
        Interval.Counts.Check("linear_schedule", nameof(steps), steps);
        return step => start + (end - start) * Math.Min(step, steps) / steps;
    }

    /// <summary>Schedules one after another, such as a warm-up and a decay: each counts its steps from where it begins.</summary>
    /// <param name="schedules">At least one.</param>
    /// <param name="boundaries">The first step of each schedule but the first, ascending.</param>
    /// <exception cref="ArgumentException">There are not as many boundaries, or they do not ascend from 0.</exception>
    public static Func<long, double> Join(IReadOnlyList<Func<long, double>> schedules, params IReadOnlyList<long> boundaries)
    {
        ArgumentNullException.ThrowIfNull(schedules);
        ArgumentNullException.ThrowIfNull(boundaries);
        if (schedules.Count == 0 || boundaries.Count != schedules.Count - 1)
        {
            Throw.Argument("join_schedules", $"{boundaries.Count} boundaries given for {schedules.Count} schedules, expected one less than those");
        }
        long[] starts = [0, .. boundaries];
        for (var i = 1; i < starts.Length; i++)
        {
            if (starts[i] < starts[i - 1]) Throw.Argument("join_schedules", $"boundary {starts[i]} lies before {starts[i - 1]}");
        }
        return step =>
        {
            var i = Array.FindLastIndex(starts, start => start <= step);
            return schedules[i](step - starts[i]);
        };
    }

    private static void Check(string schedule, params ReadOnlySpan<(string Name, double Value)> settings)
    {
        foreach (var (name, value) in settings) Interval.NotNegative.Check(schedule, name, value);
    }
}
