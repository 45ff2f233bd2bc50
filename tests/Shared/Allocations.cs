namespace ManagedFed;

/// <summary>What a piece of code allocates on the managed heap.</summary>
internal static class Allocations
{
    /// <summary>
    /// The bytes that the calling thread allocates in a series of <paramref name="calls"/>, the fewest of five series:
    /// the runtime allocates once itself, such as when a lock is first waited for, but never in every series.
    /// </summary>
    public static long Fewest(int calls, Action action)
    {
        var fewest = long.MaxValue;
        for (var series = 0; series < 5; series++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < calls; i++) action();
            fewest = Math.Min(fewest, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return fewest;
    }
}
