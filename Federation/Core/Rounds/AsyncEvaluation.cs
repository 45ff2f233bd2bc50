namespace ManagedFed.Federation;

/// <summary>An evaluation by clients that are asked one by one, each when it is next free.</summary>
/// <param name="state">The step whose model is evaluated.</param>
/// <param name="tasks">The clients and what they are to do.</param>
/// <param name="done">Told the results, in the order of the tasks, and the failures, once nobody is left to answer.</param>
internal sealed class AsyncEvaluation(
    RoundState state, IReadOnlyList<ClientTask<EvaluateInstructions>> tasks, Action<IReadOnlyList<ClientEvaluation>, IReadOnlyList<ClientFailure>> done)
{
    private readonly Dictionary<ClientInfo, ClientTask<EvaluateInstructions>> waiting = tasks.ToDictionary(task => task.Client);
    private readonly Dictionary<ClientInfo, ClientEvaluation> results = [];
    private readonly List<ClientFailure> failures = [];
    private int asked;

    public RoundState State => state;

    /// <summary>True while an answer may still come.</summary>
    public bool IsOpen => waiting.Count + asked > 0;

    /// <summary>Those who are yet to be asked, in the order of the tasks.</summary>
    public IEnumerable<ClientInfo> Waiting => tasks.Select(task => task.Client).Where(waiting.ContainsKey);

    public bool Wants(ClientInfo client) => waiting.ContainsKey(client);

    /// <summary>What the client is to do, once; null for a client that is not, or no longer, wanted.</summary>
    public ClientTask<EvaluateInstructions>? Take(ClientInfo client)
    {
        if (!waiting.Remove(client, out var task)) return null;
        asked++;
        return task;
    }

    public void Add(ClientEvaluation result)
    {
        results.Add(result.Client, result);
        Answered();
    }

    public void Add(ClientFailure failure)
    {
        failures.Add(failure);
        Answered();
    }

    /// <summary>Waits no longer for clients that are not connected.</summary>
    public void Forget(IReadOnlyCollection<ClientInfo> connected)
    {
        if (waiting.Count == 0) return;
        foreach (var client in waiting.Keys.Except(connected).ToArray())
        {
            waiting.Remove(client);
            failures.Add(new(client, FailureReason.Disconnected, "left before it was asked"));
        }
        FinishIfComplete();
    }

    /// <summary>Asks nobody any more.</summary>
    public void Close()
    {
        if (waiting.Count == 0) return;
        waiting.Clear();
        FinishIfComplete();
    }

    private void Answered()
    {
        asked--;
        FinishIfComplete();
    }

    private void FinishIfComplete()
    {
        if (!IsOpen) done([.. tasks.Select(task => results.GetValueOrDefault(task.Client)).OfType<ClientEvaluation>()], failures);
    }
}
