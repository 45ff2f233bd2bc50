namespace ManagedFed.Federation;

// How one phase asks its clients, and when it stops waiting for them.
internal sealed partial class RoundLoop
{
    private readonly LateClients late = new();

    /// <summary>What became of a phase's clients, by their places among the tasks.</summary>
    private sealed record Outcome(IReadOnlyList<int> Counted, IReadOnlyList<ClientFailure> Failures, IReadOnlyList<int> Late);

    /// <summary>Asks all clients at once, or as many as may work at once, until all have answered, the phase is full, or its deadline has passed.</summary>
    /// <param name="phase">The phase's name, for people.</param>
    /// <param name="state">The round.</param>
    /// <param name="selection">How many results are wanted.</param>
    /// <param name="tasks">Whom to ask what.</param>
    /// <param name="check">Says what is wrong with a result.</param>
    /// <param name="keep">Keeps a result that passes before it counts.</param>
    /// <param name="accept">Takes a result, one at a time, as it arrives.</param>
    /// <param name="report">A result in numbers, for people.</param>
    /// <param name="isClosed">True to take what is kept alone, and to ask nobody.</param>
    /// <param name="cancellation">Ends the run.</param>
    private async Task<Outcome> AskAllAsync<TInstructions, TResult>(
        string phase, RoundState state, Selection selection, IReadOnlyList<ClientTask<TInstructions>> tasks, Func<TResult, Refusal?> check,
        Func<int, TResult, Task> keep, Action<int, TResult> accept, Func<TResult, (long Examples, string Loss)> report, bool isClosed, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        Log.PhaseStarted(state.Round, Config.NumRounds, phase, tasks.Count, state.Clients.Count);
        var start = Options.TimeProvider.GetTimestamp();
        var wanted = selection.OverSelection > 1 ? Math.Min(tasks.Count, selection.Wanted(state.Clients.Count)) : tasks.Count;
        var tally = new PhaseTally(tasks.Count, wanted);
        var questions = new Task?[tasks.Count];
        using var closing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var over = closing.Token;
        // Not disposed of: whoever is late may still come to them.
        var (slots, gate) = (new SemaphoreSlim(Math.Max(1, wanted)), new SemaphoreSlim(1));
        using var reminder = new Reminder(Options.TimeProvider, passed =>
        {
            string[] names = [.. tally.Open.Select(place => tasks[place].Client.Name)];
            Log.StillAtWork(state.Round, Config.NumRounds, phase, names.Length, passed.TotalSeconds, NameList.Few(names));
        });
        var isKept = tasks.Select(task => IsKept(task, state.Round)).ToArray();
        // What was accepted before the server stopped counts before anything else.
        await WorkAsync(place => isKept[place]).ConfigureAwait(false);
        if (!isClosed && !tally.Full.IsCompleted)
        {
            var all = WorkAsync(place => !isKept[place]);
            var deadline = Config.RoundDeadline is { } most ? Task.Delay(most, Options.TimeProvider, over) : all;
            await Task.WhenAny(all, tally.Full, deadline).ConfigureAwait(false);
            if (tally.Open.Count == 0 || all.IsCompleted || cancellation.IsCancellationRequested) await all.ConfigureAwait(false);
        }
        cancellation.ThrowIfCancellationRequested();
        await closing.CancelAsync().ConfigureAwait(false);
        await tally.CloseAsync().ConfigureAwait(false);

        var outcome = new Outcome(tally.Counted, tally.Failures, tally.Open);
        foreach (var place in outcome.Late)
        {
            // A client that is made when it is asked was stopped just now.
            if (questions[place] is { } question && Registry.VirtualCount is null) late.Add(tasks[place].Client, question);
        }
        var seconds = Options.TimeProvider.GetElapsedTime(start).TotalSeconds;
        Log.PhaseDone(state.Round, Config.NumRounds, phase, outcome.Counted.Count, outcome.Failures.Count, seconds);
        if (outcome.Late.Count > 0)
        {
            Log.NotWaitedFor(
                state.Round, Config.NumRounds, phase, outcome.Late.Count, tally.Full.IsCompleted ? "it is full" : "its deadline has passed",
                NameList.Few([.. outcome.Late.Select(place => tasks[place].Client.Name)]));
        }
        return outcome;

        Task WorkAsync(Func<int, bool> isMine)
        {
            int[] places = [.. Enumerable.Range(0, tasks.Count).Where(isMine)];
            var next = -1;
            return Task.WhenAll(Enumerable.Range(0, Math.Min(places.Length, Options.MaxConcurrency ?? int.MaxValue)).Select(_ => AskInTurnAsync()));

            async Task AskInTurnAsync()
            {
                while (!over.IsCancellationRequested && Interlocked.Increment(ref next) is var turn && turn < places.Length)
                {
                    var place = places[turn];
                    // A client in memory may work at once and for long.
                    await (questions[place] = Task.Run(() => AskOneAsync(place), cancellation)).ConfigureAwait(false);
                }
            }
        }

        async Task AskOneAsync(int place)
        {
            var isIn = false;
            try
            {
                var failure = await AskAsync<TInstructions, TResult>(
                    phase, tasks[place], TakeAsync, report, state.Round, start, over, Registry.VirtualCount is null ? cancellation : over).ConfigureAwait(false);
                if (failure is not null) tally.Fail(place, failure, isIn);
            }
            catch (OperationCanceledException) when (over.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                Log.StoppedLate(phase, tasks[place].Client.Name);
            }
            finally
            {
                if (isIn) tally.Leave();
            }

            async Task<Refusal?> TakeAsync(TResult result)
            {
                try
                {
                    // A result too many waits: one of those before it may yet be refused.
                    await slots.WaitAsync(over).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
                {
                    return TooLate;
                }
                isIn = tally.Enter();
                if (!isIn) return TooLate;
                if (Checked(state.Round, check, result) is { } refusal)
                {
                    slots.Release();
                    return refusal;
                }
                await keep(place, result).ConfigureAwait(false);
                await gate.WaitAsync(cancellation).ConfigureAwait(false);
                try
                {
                    accept(place, result);
                }
                finally
                {
                    gate.Release();
                }
                tally.Count(place);
                return null;
            }
        }
    }
}
