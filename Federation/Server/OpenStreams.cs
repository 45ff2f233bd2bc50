using Microsoft.AspNetCore.Http;

namespace ManagedFed.Federation;

/// <summary>Counts the streams whose last byte has not gone out yet, so that the server does not stop in front of it.</summary>
internal sealed class OpenStreams
{
    private readonly Lock gate = new();
    private int count;
    private TaskCompletionSource? none;

    public void Add(HttpResponse response)
    {
        lock (gate) count++;
        response.OnCompleted(() =>
        {
            lock (gate)
            {
                if (--count == 0) none?.TrySetResult();
            }
            return Task.CompletedTask;
        });
    }

    /// <summary>Completes when all streams have ended, with their status sent.</summary>
    public Task WhenNone()
    {
        lock (gate)
        {
            if (count == 0) return Task.CompletedTask;
            return (none ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }
}
