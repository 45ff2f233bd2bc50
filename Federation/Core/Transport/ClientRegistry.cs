using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>The clients that are connected now, in the order they joined.</summary>
internal sealed class ClientRegistry(ILogger log) : IClientPopulation
{
    private const int DeparturesKept = 3;

    private readonly Lock gate = new();
    private readonly List<IClientConnection> clients = [];
    private TaskCompletionSource changed = NewSignal();
    private readonly Queue<string> departures = [];
    private bool closed;
    private int left;

    /// <summary>Completes when a client joins or leaves after this was read.</summary>
    public Task Changed
    {
        get
        {
            lock (gate) return changed.Task;
        }
    }

    /// <summary>True when nobody can join any more.</summary>
    public bool IsClosed
    {
        get
        {
            lock (gate) return closed;
        }
    }

    /// <summary>Who left last, and why, for people; empty when nobody did.</summary>
    public string Departures
    {
        get
        {
            lock (gate) return left == 0 ? "" : $"; {left} left, the last: {string.Join(", ", departures)}";
        }
    }

    public int? VirtualCount => null;

    public IReadOnlyList<ClientInfo> Clients() =>
        [.. Snapshot().Select(client => client.Info).OrderBy(client => client.StableName is null).ThenBy(client => client.StableName, StringComparer.Ordinal)];

    public IReadOnlyList<ClientInfo> Without(IReadOnlySet<ClientInfo> some) => [.. Clients().Where(client => !some.Contains(client))];

    public IReadOnlyList<IClientConnection> Snapshot()
    {
        lock (gate) return [.. clients];
    }

    public ClientInfo? Named(string stableName)
    {
        lock (gate) return clients.Find(connection => connection.Info.StableName == stableName)?.Info;
    }

    public IClientConnection? Find(ClientInfo client)
    {
        lock (gate) return clients.Find(connection => connection.Info == client);
    }

    /// <summary>Takes a client in; false when the run is over.</summary>
    public bool Join(IClientConnection client)
    {
        lock (gate)
        {
            if (closed) return false;
            clients.Add(client);
            log.Joined(client.Info.Name, client.Info.Peer, clients.Count);
            Signal();
        }
        return true;
    }

    /// <summary>Forgets a client; the second time for the same one does nothing.</summary>
    public void Leave(IClientConnection client, string how)
    {
        lock (gate)
        {
            if (!clients.Remove(client)) return;
            log.Left(client.Info.Name, how, clients.Count);
            left++;
            departures.Enqueue($"{client.Info.Name} ({PeerText.Harmless(how)})");
            if (departures.Count > DeparturesKept) departures.Dequeue();
            Signal();
        }
    }

    /// <summary>Lets nobody in any more.</summary>
    public void Close()
    {
        lock (gate) closed = true;
    }

    private void Signal()
    {
        changed.SetResult();
        changed = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
