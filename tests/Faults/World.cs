namespace ManagedFed.Faults;

/// <summary>What a schedule found broken.</summary>
internal sealed class BrokenException(string what) : Exception(what);

/// <summary>Time, and all that is going to happen in it: nothing else moves a schedule.</summary>
internal sealed class World(ulong seed, Trace trace)
{
    /// <summary>What happens so close together may come before the code under test has dealt with the first.</summary>
    private static readonly long AtOnce = TimeSpan.FromMilliseconds(10).Ticks;

    private readonly PriorityQueue<Coming, (long At, long Number)> coming = new();
    private readonly Quiet quiet = new();
    private long number;
    private Exception? failure;

    public Chance Chance { get; } = new(seed);

    public Trace Trace { get; } = trace;

    /// <summary>The time since the beginning, in ticks.</summary>
    public long Now { get; private set; }

    public Coming In(TimeSpan delay, string what, Action act) => At(Now + Math.Max(0, delay.Ticks), what, act);

    public Coming At(long time, string what, Action act)
    {
        var item = new Coming(what, act);
        coming.Enqueue(item, (Math.Max(Now, time), number++));
        return item;
    }

    /// <summary>Follows what nobody waits for: an exception in it breaks the schedule, unless a killed process is told by it that it is dead.</summary>
    public async void Watch(Task task)
    {
        try
        {
            await task;
        }
        catch (EndedException)
        {
            // Whatever the process still did has no effect.
        }
        catch (Exception exception)
        {
            failure ??= exception;
        }
    }

    /// <summary>Lets things happen until it is over; false when nothing is left to happen before the end of time.</summary>
    public async Task<bool> RunAsync(Func<bool> isOver, Func<long> endOfTime)
    {
        while (true)
        {
            await quiet;
            if (failure is not null) throw failure as BrokenException ?? new BrokenException($"a process failed: {failure}");
            if (isOver()) return true;
            if (Next() is not { } at || at > endOfTime()) return false;
            Happen();
            for (var more = Chance.OneIn(4) ? Chance.Below(4) : 0; more > 0 && Next() <= Now + AtOnce; more--) Happen();
        }
    }

    /// <summary>When something happens next; null for never.</summary>
    private long? Next()
    {
        while (coming.TryPeek(out var next, out var when))
        {
            if (!next.IsCancelled) return when.At;
            coming.Dequeue();
        }
        return null;
    }

    private void Happen()
    {
        coming.TryDequeue(out var item, out var when);
        Now = when.At;
        Trace.Add(Now, item!.What);
        item.Act();
    }
}

/// <summary>Something that is going to happen.</summary>
internal sealed class Coming(string what, Action act)
{
    public string What => what;

    public bool IsCancelled { get; private set; }

    public void Act() => act();

    public void Cancel() => IsCancelled = true;
}

/// <summary>What happened, as a number that tells two histories apart, and on demand in words.</summary>
internal sealed class Trace(TextWriter? output)
{
    /// <summary>FNV-1a over all that happened.</summary>
    public ulong Hash { get; private set; } = 0xcbf29ce484222325;

    /// <summary>True when somebody reads along.</summary>
    public bool IsShown => output is not null;

    public void Add(long now, string what)
    {
        Mix((ulong)now);
        foreach (var letter in what) Mix(letter);
        Show(now, what);
    }

    /// <summary>Says something that two histories need not share, such as random names.</summary>
    public void Show(long now, string what)
    {
        output?.WriteLine(FormattableString.Invariant($"{now / (double)TimeSpan.TicksPerSecond,10:f3}  {what}"));
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 0x100000001b3;
}
