namespace ManagedFed.Federation;

/// <summary>Says something after 10 s, and then ever more rarely up to every 5 minutes, until it is disposed of: nobody waits in silence.</summary>
internal sealed class Reminder : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(10), Longest = TimeSpan.FromMinutes(5);

    private readonly Lock gate = new();
    private readonly ITimer timer;
    private TimeSpan pause = First;
    private bool over;

    /// <param name="time">The clock.</param>
    /// <param name="say">Given the time that has passed; called from any thread.</param>
    public Reminder(TimeProvider time, Action<TimeSpan> say)
    {
        var start = time.GetTimestamp();
        timer = time.CreateTimer(_ => Remind(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(First, Timeout.InfiniteTimeSpan);

        void Remind()
        {
            lock (gate)
            {
                if (over) return;
                say(time.GetElapsedTime(start));
                pause = pause * 2 < Longest ? pause * 2 : Longest;
                timer!.Change(pause, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Dispose()
    {
        lock (gate) over = true;
        timer.Dispose();
    }
}
