using System.Runtime.ExceptionServices;

namespace ManagedFed.Federation;

/// <summary>Connected clients at work on something that nobody waits for any more: they are not asked again until they have answered.</summary>
internal sealed class LateClients
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Task> atWork = [];
    private TaskCompletionSource changed = NewSignal();
    private ExceptionDispatchInfo? fault;

    /// <summary>Completes when one of them has answered after this was read.</summary>
    public Task Changed
    {
        get
        {
            lock (gate) return changed.Task;
        }
    }

    /// <summary>True while nobody is late.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (gate) return atWork.Count == 0;
        }
    }

    /// <summary>Remembers a client until its work is over, however it ends.</summary>
    public void Add(ClientInfo client, Task work)
    {
        if (work.IsCompletedSuccessfully) return;
        lock (gate) atWork[KeyOf(client)] = work;
        _ = ForgetAsync(client, work);
    }

    /// <summary>The clients but those who are late.</summary>
    public IReadOnlyList<ClientInfo> Without(IReadOnlyList<ClientInfo> clients)
    {
        lock (gate)
        {
            fault?.Throw();
            return atWork.Count == 0 ? clients : [.. clients.Where(client => !atWork.ContainsKey(KeyOf(client)))];
        }
    }

    /// <summary>Waits until nobody is late, whatever became of their work.</summary>
    public async Task WaitAsync()
    {
        Task[] all;
        lock (gate) all = [.. atWork.Values];
        await Task.WhenAll(all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ForgetAsync(ClientInfo client, Task work)
    {
        await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (gate)
        {
            // A mistake in the program is not to be lost with an answer that nobody waits for.
            if (work.Exception is { } exception) fault ??= ExceptionDispatchInfo.Capture(exception.InnerException!);
            if (atWork.TryGetValue(KeyOf(client), out var known) && known == work) atWork.Remove(KeyOf(client));
            changed.SetResult();
            changed = NewSignal();
        }
    }

    /// <summary>A client that was lost and came back within its round works under another connection, and is the same by its stable name.</summary>
    private static string KeyOf(ClientInfo client) => client.StableName ?? client.Id;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
