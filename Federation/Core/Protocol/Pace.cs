namespace ManagedFed.Federation;

/// <summary>How slow a message that has begun may arrive; how long it takes until one begins is another's matter.</summary>
/// <param name="Time">The clock.</param>
/// <param name="Interval">How often it is looked.</param>
/// <param name="Least">The least bytes that must come in it.</param>
/// <param name="Stalled">Called when they do not, from any thread.</param>
internal sealed record Pace(TimeProvider Time, TimeSpan Interval, double Least, Action<string> Stalled)
{
    /// <summary>Watches one message until it is disposed.</summary>
    public PaceWatch Watch(Func<long> arrived) => new(this, arrived);
}

/// <summary>Watches one message arrive.</summary>
internal sealed class PaceWatch : IDisposable
{
    private readonly ITimer timer;
    private long before;

    public PaceWatch(Pace pace, Func<long> arrived)
    {
        before = arrived();
        timer = pace.Time.CreateTimer(_ => Look(pace, arrived()), null, pace.Interval, pace.Interval);
    }

    public void Dispose() => timer.Dispose();

    private void Look(Pace pace, long now)
    {
        if (now - before < pace.Least) pace.Stalled($"Fewer than {pace.Least} bytes of a message came in time.");
        before = now;
    }
}
