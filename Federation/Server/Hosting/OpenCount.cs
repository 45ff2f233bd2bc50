namespace ManagedFed.Federation;

/// <summary>Counts streams or connections that are open, and tells when there are none.</summary>
internal sealed class OpenCount
{
    private readonly Lock gate = new();
    private int count;
    private TaskCompletionSource? none;

    public void Add()
    {
        lock (gate) count++;
    }

    public void Remove()
    {
        lock (gate)
        {
            if (--count == 0) none?.TrySetResult();
        }
    }

    /// <summary>Waits until none is open, or the time is up.</summary>
    public async Task WaitForNoneAsync(TimeSpan atMost)
    {
        Task empty;
        lock (gate) empty = count == 0 ? Task.CompletedTask : (none ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        await empty.WaitAsync(atMost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
