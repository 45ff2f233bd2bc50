namespace ManagedFed.Federation;

/// <summary>Whom a run can ask: clients that are connected, or clients that are made when they are asked.</summary>
internal interface IClientPopulation
{
    /// <summary>Completes when a client joins or leaves after this was read.</summary>
    Task Changed { get; }

    /// <summary>True when nobody can join any more.</summary>
    bool IsClosed { get; }

    /// <summary>Who left last, and why, for people; empty when nobody did.</summary>
    string Departures { get; }

    /// <summary>How many there are, when they are made as they are asked and so none joins or leaves; null for connected ones.</summary>
    int? VirtualCount { get; }

    /// <summary>Those who can be asked now: by stable name where they have one, then in the order they joined.</summary>
    IReadOnlyList<ClientInfo> Clients();

    /// <summary>The same without some.</summary>
    IReadOnlyList<ClientInfo> Without(IReadOnlySet<ClientInfo> some);

    /// <summary>The connections that are open, in the order they were made.</summary>
    IReadOnlyList<IClientConnection> Snapshot();

    /// <summary>Who has a stable name now; null when nobody does.</summary>
    ClientInfo? Named(string stableName);

    /// <summary>The way to a client; null when it is not there.</summary>
    IClientConnection? Find(ClientInfo client);

    /// <summary>Forgets a client; the second time for the same one does nothing.</summary>
    void Leave(IClientConnection client, string how);

    /// <summary>Lets nobody in any more.</summary>
    void Close();
}
