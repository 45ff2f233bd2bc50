using System.Collections.Concurrent;

namespace ManagedFed.Federation;

// What a run that is kept adds to a loop: where it goes on, and what is on disk before anything follows from it.
internal abstract partial class ServerLoop
{
    private StoredRun? stored;

    private string runId = Guid.NewGuid().ToString("N");

    /// <summary>What the strategy remembers.</summary>
    private StrategyState memory = StrategyState.Empty;

    /// <summary>The updates that were accepted in the round in which the run goes on, by the client's stable name; each is used once.</summary>
    private readonly ConcurrentDictionary<string, StoredUpdate> accepted = [];

    /// <summary>The first round that this process works.</summary>
    protected int FirstRound { get; private set; } = 1;

    /// <summary>The last round that it works, unless the run ends early.</summary>
    protected int LastRound { get; private set; }

    /// <summary>The updates of the step in which a run without rounds goes on, in the order they came.</summary>
    protected IReadOnlyList<StoredUpdate> AcceptedBefore => stored?.Accepted ?? [];

    /// <summary>The place behind all updates that were accepted in it, also behind those that are lost.</summary>
    protected int NextPlace => stored?.NextPlace ?? 0;

    /// <summary>The last number of each client's updates that were accepted in it.</summary>
    protected IReadOnlyDictionary<string, int> NumbersBefore => stored?.LastNumbers ?? new Dictionary<string, int>();

    /// <summary>What clients had been asked before that step and had not yet counted, the first first; empty unless updates count in order.</summary>
    protected IReadOnlyList<StoredQuestion> AskedBefore => stored?.Asked ?? [];

    /// <summary>Goes on with the run that is kept; null when there is none yet.</summary>
    private History? Resumed()
    {
        if (stored?.State is not { } state) return null;
        (runId, key, memory, schema) = (state.RunId, state.Key, state.Strategy, state.Parameters.Schema ?? Strategy.Schema ?? state.Schema);
        var history = History.Of(state);
        history.FinalParameters = Named(history.FinalParameters);
        // Of a round whose report was lost nobody knows that it failed.
        trained = state.Reports.Count(report => report.Round > 0 && report.Unchanged is not null) < state.Round;
        FirstRound = state.Round + 1;
        // Without rounds a client may have several, and is asked for more.
        foreach (var update in Strategy is AsyncStrategy ? [] : stored.Accepted) accepted[update.Client] = update;
        Log.RunResumed(runId, state.Round, stored.Accepted.Count);
        // A run that was to end early has, also when its server did not live to see it.
        if (state.Round > 0 && IsStopped(state.Round, history)) LastRound = state.Round;
        return history;
    }

    /// <summary>The clients of the round that was open when the server stopped; null for any other round, and when one of them had no stable name.</summary>
    protected IReadOnlyList<ClientInfo>? ClientsBefore(int round)
    {
        if (!WasOpen(round)) return null;
        if (Registry.VirtualCount is not null) return Registry.Clients();
        if (stored?.Clients is not { Count: > 0 } names || names.Any(name => name.Length == 0)) return null;
        var connected = Registry.Clients().ToLookup(client => client.StableName);
        return [.. names.Select(name => connected[name].FirstOrDefault() ?? ClientInfo.Create("not back yet", name))];
    }

    /// <summary>True for the round that was open when the server stopped.</summary>
    protected bool WasOpen(int round) =>
        round == FirstRound && (Registry.VirtualCount is { } count ? stored?.ClientCount == count : stored?.Clients is not null);

    /// <summary>Notes who is there as a round begins; what was accepted in an earlier beginning of it does not count any more.</summary>
    protected Task KeepClientsAsync(RoundState state, CancellationToken cancellation)
    {
        accepted.Clear();
        return Registry.VirtualCount is { } count
            ? KeepAsync(run => run.Begin(state.Round, count), cancellation)
            : KeepAsync(run => run.Begin(state.Round, state.Clients.Select(client => client.StableName ?? "")), cancellation);
    }

    /// <summary>The instructions with what names run and round, where the run is kept.</summary>
    /// <param name="tasks">The tasks.</param>
    /// <param name="round">The round.</param>
    /// <param name="update">How many updates of the client have counted in the step; null where there are rounds.</param>
    protected IReadOnlyList<ClientTask<FitInstructions>> Named(IReadOnlyList<ClientTask<FitInstructions>> tasks, int round, int? update = null)
    {
        if (stored is null) return tasks;
        var named = new Dictionary<FitInstructions, FitInstructions>(ReferenceEqualityComparer.Instance);
        return [.. tasks.Select(task => task with { Instructions = With(task.Instructions) })];

        FitInstructions With(FitInstructions given)
        {
            if (named.TryGetValue(given, out var known)) return known;
            var config = new Dictionary<string, Scalar>(given.Config) { [RunKeys.Run] = runId, [RunKeys.Round] = round };
            if (update is { } number) config[RunKeys.Update] = number;
            return named[given] = given with { Config = config.AsReadOnly() };
        }
    }

    /// <summary>Keeps an update before it counts.</summary>
    protected async Task KeepUpdateAsync(
        int round, int place, ClientInfo client, int given, FitResult result, CancellationToken cancellation, int number = 0)
    {
        // Without a name that lasts nobody could tell whose it is, and it is asked for again.
        if (client.StableName is not { } name) return;
        if (accepted.TryRemove(name, out _))
        {
            Log.UpdateKept(client.Name);
            return;
        }
        await KeepAsync(run => run.Accept(new(round, place, name, given, result, number)), cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends a round: what the next one depends on is on disk.</summary>
    /// <param name="round">The round.</param>
    /// <param name="history">What was measured.</param>
    /// <param name="cancellation">Ends the wait for room.</param>
    /// <param name="oldest">The oldest round whose model is still trained from.</param>
    /// <param name="asked">What is still trained, where updates count in order.</param>
    protected Task KeepStateAsync(
        int round, History history, CancellationToken cancellation, int oldest = int.MaxValue, IReadOnlyList<StoredQuestion>? asked = null)
    {
        if (stored is null) return Task.CompletedTask;
        // A round's updates are not another's.
        accepted.Clear();
        var state = new RunState(runId, round, history.FinalParameters, memory, key) { Schema = schema };
        var reports = history.TakeChanged();
        return KeepAsync(run => run.Commit(state, reports, oldest, asked), cancellation);
    }

    /// <summary>The step whose model is that of a round before, as a strategy saw it; null, and a word in the log, when that is not kept any more.</summary>
    /// <param name="now">The present step.</param>
    /// <param name="given">The round.</param>
    protected RoundState? StateBefore(RoundState now, int given)
    {
        if (given == now.Round - 1) return now;
        if (stored?.StateOf(given) is { } state) return now with { Round = given + 1, Parameters = state.Parameters, Strategy = state.Strategy };
        Log.RunFileLost($"the model of round {given}", "an update of it cannot be counted");
        return null;
    }

    /// <summary>Keeps what was measured since the last state.</summary>
    private Task KeepReportsAsync(History history, CancellationToken cancellation)
    {
        var reports = history.TakeChanged();
        return reports.Count == 0 ? Task.CompletedTask : KeepAsync(run => run.Report(reports), cancellation);
    }

    /// <summary>True when an update of the client is kept in the round in which the run goes on.</summary>
    protected bool IsKept<TInstructions>(ClientTask<TInstructions> task, int round) where TInstructions : Instruction => KeptAnswer(task, round) is not null;

    /// <summary>True when the round had stopped waiting before the server stopped: what is kept of it counts, and nothing else.</summary>
    protected bool IsClosed(int round) => round == FirstRound && stored is { IsClosed: true };

    /// <summary>Notes that a round waits no longer although some are late, so that it counts the same updates whenever it is worked.</summary>
    protected Task KeepClosedAsync(int round, IReadOnlyList<int> counted, IReadOnlyList<int> late, CancellationToken cancellation) =>
        late.Count == 0 ? Task.CompletedTask : KeepAsync(run => run.Close(round, counted), cancellation);

    /// <summary>The kept update of a client in the round in which the run goes on; null when it must be asked.</summary>
    private Answer? KeptAnswer<TInstructions>(ClientTask<TInstructions> task, int round) where TInstructions : Instruction =>
        typeof(TInstructions) == typeof(FitInstructions) && round == FirstRound && task.Client.StableName is { } name && accepted.TryGetValue(name, out var update)
            ? new(update.Result, null, 0)
            : null;

    /// <summary>Waits for a client that was lost; null when it has no name to be known by, nobody waits for it, or it does not come in time.</summary>
    private async Task<IClientConnection?> ReturnAsync(ClientInfo lost, Instruction instruction, CancellationToken over, CancellationToken cancellation)
    {
        // As updates come, the others go on meanwhile.
        if (lost.StableName is not { } name || Strategy is AsyncStrategy { Ordered: false } || Patience is not { } patience) return null;
        if (instruction is not (FitInstructions or EvaluateInstructions)) return null;
        using var timer = new CancellationTokenSource(patience, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, over, cancellation);
        while (true)
        {
            var changed = Registry.Changed;
            if (Registry.Snapshot().FirstOrDefault(client => client.Info.StableName == name && client.Info != lost) is { } client) return client;
            if (Registry.IsClosed || either.IsCancellationRequested) return null;
            await changed.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>How long a client that was lost is waited for; null for not at all.</summary>
    private TimeSpan? Patience => (Options.ReturnTimeout ?? Config.RoundDeadline ?? (stored is null ? null : TimeSpan.FromSeconds(60))) is { } time
        ? Config.RoundTimeout is { } round && round < time ? round : time
        : null;

    /// <summary>Writes to the run; while there is no room, or the disk fails, nothing goes on.</summary>
    private async Task KeepAsync(Action<StoredRun> write, CancellationToken cancellation)
    {
        if (stored is null) return;
        for (var failed = false; ; failed = true)
        {
            try
            {
                write(stored);
                if (failed) Log.RunKeptAgain();
                return;
            }
            catch (IOException exception)
            {
                Log.RunNotKept(exception.Message, Options.WaitingInterval.TotalSeconds);
            }
            await Task.Delay(Options.WaitingInterval, Options.TimeProvider, cancellation).ConfigureAwait(false);
        }
    }
}
