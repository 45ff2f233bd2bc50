namespace ManagedFed.Faults;

/// <summary>The world's time as one process sees it; with the process its timers end.</summary>
internal sealed class Clock(World world, Process process) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How far the wall clock is off; what measures spans of time does not see it.</summary>
    public TimeSpan Skew { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => world.Now;

    public override DateTimeOffset GetUtcNow() => Start.AddTicks(world.Now) + Skew;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(Clock clock, TimerCallback callback, object? state) : ITimer
    {
        private Coming? next;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            next?.Cancel();
            next = null;
            if (dueTime != Timeout.InfiniteTimeSpan) Set(dueTime, period);
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Set(TimeSpan dueTime, TimeSpan period) => next = clock.World.In(dueTime, clock.Process.TimerText, () =>
        {
            if (clock.Process.IsDead) return;
            if (period > TimeSpan.Zero) Set(period, period);
            callback(state);
        });
    }

    private World World => world;

    private Process Process => process;
}
