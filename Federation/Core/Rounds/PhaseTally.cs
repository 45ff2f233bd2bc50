namespace ManagedFed.Federation;

/// <summary>What has become of a phase's clients: the first results up to a number count, and none that comes when it is over.</summary>
/// <param name="clients">How many clients are asked.</param>
/// <param name="wanted">How many results make the phase full.</param>
internal sealed class PhaseTally(int clients, int wanted)
{
    private readonly Lock gate = new();
    private readonly bool[] counted = new bool[clients];
    private readonly ClientFailure?[] failures = new ClientFailure?[clients];
    private readonly TaskCompletionSource full = NewSignal(), drained = NewSignal();
    private int count, inside;
    private bool over;

    /// <summary>Completes when as many results count as are wanted.</summary>
    public Task Full => full.Task;

    /// <summary>The places whose results count.</summary>
    public IReadOnlyList<int> Counted => Places(place => counted[place]);

    /// <summary>The places of those who have neither a result that counts nor failed.</summary>
    public IReadOnlyList<int> Open => Places(place => !counted[place] && failures[place] is null);

    /// <summary>The failures, by place.</summary>
    public IReadOnlyList<ClientFailure> Failures
    {
        get
        {
            lock (gate) return [.. failures.OfType<ClientFailure>()];
        }
    }

    /// <summary>Lets a result in that is to be checked, unless the phase is over; whoever was let in must leave.</summary>
    public bool Enter()
    {
        lock (gate)
        {
            if (over) return false;
            inside++;
            return true;
        }
    }

    public void Leave()
    {
        lock (gate)
        {
            if (--inside == 0 && over) drained.TrySetResult();
        }
    }

    /// <summary>A result that was let in counts.</summary>
    public void Count(int place)
    {
        lock (gate)
        {
            counted[place] = true;
            if (++count == wanted) full.TrySetResult();
        }
    }

    /// <summary>A client failed; once the phase is over only those who were let in before can.</summary>
    public void Fail(int place, ClientFailure failure, bool isIn)
    {
        lock (gate)
        {
            if (isIn || !over) failures[place] = failure;
        }
    }

    /// <summary>Ends the phase: completes once those who were let in have left.</summary>
    public Task CloseAsync()
    {
        lock (gate)
        {
            over = true;
            if (inside == 0) drained.TrySetResult();
            return drained.Task;
        }
    }

    private int[] Places(Func<int, bool> predicate)
    {
        lock (gate) return [.. Enumerable.Range(0, clients).Where(predicate)];
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
