using System.Collections;

namespace ManagedFed.Federation;

/// <summary>Which clients meet the criteria of a strategy's selections: each is asked for its properties once, and what they say of it is remembered.</summary>
/// <param name="strategy">Whose selections.</param>
/// <param name="registry">The clients.</param>
/// <param name="atOnce">The most virtual clients that work at once.</param>
/// <param name="late">Is told of clients that take too long.</param>
/// <param name="ask">Gives a client's properties, none when it has none.</param>
/// <param name="time">The clock.</param>
/// <param name="tooSlow">Told of clients that take too long.</param>
internal sealed class Eligibility(
    Strategy strategy, IClientPopulation registry, int? atOnce, LateClients late,
    Func<IClientConnection, CancellationToken, Task<IReadOnlyDictionary<string, Scalar>?>> ask, TimeProvider time, Action<ClientInfo> tooSlow)
{
    private Dictionary<ClientInfo, Verdict> verdicts = [];

    /// <summary>Of clients that are made when they are asked, who are always the same: by place.</summary>
    private readonly Verdict[] placed = new Verdict[strategy.FitSelection.Criterion is null && strategy.EvaluateSelection.Criterion is null ? 0 : registry.VirtualCount ?? 0];

    [Flags]
    private enum Verdict : byte
    {
        Unknown = 0,
        Judged = 1,
        Fit = 2,
        Evaluate = 4,
    }

    private bool IsVirtual => registry.VirtualCount is not null;

    /// <summary>Those of the connected clients that meet a selection's criterion, in their order.</summary>
    public async Task<IReadOnlyList<ClientInfo>> AmongAsync(Selection selection, IReadOnlyList<ClientInfo> clients, CancellationToken cancellation)
    {
        if (selection.Criterion is null) return clients;
        var wanted = ReferenceEquals(selection, strategy.FitSelection) ? Verdict.Fit : Verdict.Evaluate;
        var now = IsVirtual ? placed : [.. clients.Select(client => verdicts.GetValueOrDefault(client))];
        var unknown = Enumerable.Range(0, now.Length).Where(place => now[place] == Verdict.Unknown);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = IsVirtual ? atOnce ?? -1 : Math.Max(1, clients.Count), CancellationToken = cancellation };
        // A question to a client that is late outlives this call, and so does its token.
        await Parallel.ForEachAsync(unknown, parallel, async (place, _) =>
            now[place] = await JudgeAsync(clients[place], selection.PropertiesTimeout, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        // Whoever has left is forgotten.
        if (!IsVirtual) verdicts = clients.Zip(now).ToDictionary(pair => pair.First, pair => pair.Second);
        return new Some(clients, [.. Enumerable.Range(0, now.Length).Where(place => now[place].HasFlag(wanted))]);
    }

    private async Task<Verdict> JudgeAsync(ClientInfo client, TimeSpan patience, CancellationToken cancellation)
    {
        if (late.Without([client]).Count == 0 || registry.Find(client) is not { } connection) return Verdict.Unknown;
        using var timer = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        var asking = ask(connection, IsVirtual ? either.Token : cancellation);
        IReadOnlyDictionary<string, Scalar>? properties;
        try
        {
            properties = await asking.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            if (!IsVirtual) late.Add(client, asking);
            tooSlow(client);
            properties = Metrics.None;
        }
        // It left meanwhile.
        if (properties is null) return Verdict.Unknown;
        return Verdict.Judged | Of(strategy.FitSelection, Verdict.Fit) | Of(strategy.EvaluateSelection, Verdict.Evaluate);

        Verdict Of(Selection selection, Verdict verdict) => selection.Criterion?.Invoke(properties) == false ? Verdict.Unknown : verdict;
    }

    /// <summary>Some of a list's items, which may be made as they are read.</summary>
    private sealed class Some(IReadOnlyList<ClientInfo> all, int[] places) : IReadOnlyList<ClientInfo>
    {
        public int Count => places.Length;

        public ClientInfo this[int index] => all[places[index]];

        public IEnumerator<ClientInfo> GetEnumerator() => places.Select(place => all[place]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
