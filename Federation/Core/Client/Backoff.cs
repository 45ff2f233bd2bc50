namespace ManagedFed.Federation;

/// <summary>Waits between attempts: exponential with full jitter, uniform in [0, min(20 s, 0.5 s · 2ⁿ)) after the n-th failure from 0.</summary>
/// <remarks>Full jitter spreads a crowd that lost its server at once (Brooker 2015, "Exponential Backoff And Jitter").</remarks>
internal static class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.5), Cap = TimeSpan.FromSeconds(20);

    public static TimeSpan Wait(int failures, Random random)
    {
        // 2⁶ · 0.5 s is past the cap already.
        var ceiling = TimeSpan.FromTicks(Math.Min(Cap.Ticks, First.Ticks << Math.Min(failures, 6)));
        return ceiling * random.NextDouble();
    }
}
