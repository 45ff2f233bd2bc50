using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fit, central evaluation and evaluation by clients, round after round; a round waits for all its clients.</summary>
internal sealed class RoundLoop(ServerConfig config, Strategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    : ServerLoop(config, strategy, registry, options, log)
{
    private readonly Strategy strategy = strategy;

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        for (var round = FirstRound; round <= LastRound; round++)
        {
            var start = Options.TimeProvider.GetTimestamp();
            await FitAsync(round, history, cancellation).ConfigureAwait(false);
            EvaluateCentrally(round, history);
            await EvaluateAsync(round, history, cancellation).ConfigureAwait(false);
            if (await EndRoundAsync(round, history, start, cancellation).ConfigureAwait(false)) break;
        }
    }

    private async Task FitAsync(int round, History history, CancellationToken cancellation)
    {
        var before = ClientsBefore(round);
        var state = before is not null
            ? StateOf(round, Purpose.Fit, history, before)
            : await BeginAsync(round, Purpose.Fit, history, strategy.MinFitClients, cancellation).ConfigureAwait(false);
        if (before is null) await KeepClientsAsync(state, cancellation).ConfigureAwait(false);
        var tasks = Named(Door.Take(strategy.ConfigureFit(Door.Show(state))), round);
        var shown = Door.Show(state);
        var aggregation = strategy.AggregateFit(shown);
        var claims = new ExampleClaims(strategy.MaxExamplesRatio, Log);
        var metrics = new ClientMetrics?[tasks.Count];
        var thrown = new List<ClientFailure>();
        var failures = await AskAllAsync<FitInstructions, FitResult>(
            "fit", state, tasks, result => CheckFit(state, shown, result),
            (place, result) => Add(claims.Exchange(new(place, tasks[place].Client, Filter.Clip(state, tasks[place].Client, result)))),
            (place, result) => KeepUpdateAsync(round, place, tasks[place].Client, round - 1, result, cancellation),
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation).ConfigureAwait(false);
        Add(claims.TakeLast());

        ClientInfo[] accepted = [.. tasks.Where((_, place) => metrics[place] is not null).Select(task => task.Client)];
        Record(history, state, aggregation, accepted, [.. metrics.OfType<ClientMetrics>()], [.. failures, .. thrown]);
        await ReconsiderAsync(history, round, accepted, failures, cancellation).ConfigureAwait(false);

        void Add(ExampleClaims.Claim? claim)
        {
            if (claim is not { Place: var place, Result: var result }) return;
            try
            {
                aggregation.Add(place, result);
                metrics[place] = new(result.NumExamples, result.Metrics);
            }
            catch (Exception exception)
            {
                var refusal = Failed(round, exception);
                Log.ClientFailed("fit", claim.Client.Name, refusal.Reason, refusal.Message, 0, 0);
                thrown.Add(new(claim.Client, refusal.Reason, refusal.Message));
            }
        }
    }

    private async Task EvaluateAsync(int round, History history, CancellationToken cancellation)
    {
        if (strategy.FractionEvaluate == 0) return;
        var state = await BeginAsync(round, Purpose.Evaluate, history, strategy.MinEvaluateClients, cancellation).ConfigureAwait(false);
        var tasks = Door.Take(strategy.ConfigureEvaluate(Door.Show(state)));
        var shown = Door.Show(state);
        var evaluations = new ClientEvaluation?[tasks.Count];
        var failures = await AskAllAsync<EvaluateInstructions, EvaluateResult>(
            "evaluate", state, tasks, result => strategy.Check(shown, result),
            (place, result) => evaluations[place] = new(tasks[place].Client, result.Loss, result.NumExamples, result.Metrics),
            static (_, _) => Task.CompletedTask,
            result => (result.NumExamples, Shown(result.Loss)), cancellation).ConfigureAwait(false);

        Record(history, shown, [.. evaluations.OfType<ClientEvaluation>()], failures);
    }

    private async Task<RoundState> BeginAsync(int round, Purpose purpose, History history, int minimum, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        var clients = await WaitForAsync(Math.Max(1, Math.Max(strategy.MinAvailableClients, minimum)), cancellation).ConfigureAwait(false);
        return StateOf(round, purpose, history, clients);
    }

    /// <summary>Asks all clients at once, or as many as may work at once; each accepted result goes to <paramref name="accept"/>, one at a time, as it arrives.</summary>
    private async Task<IReadOnlyList<ClientFailure>> AskAllAsync<TInstructions, TResult>(
        string phase, RoundState state, IReadOnlyList<ClientTask<TInstructions>> tasks, Func<TResult, Refusal?> check,
        Action<int, TResult> accept, Func<int, TResult, Task> keep, Func<TResult, (long Examples, string Loss)> report, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        Log.PhaseStarted(state.Round, Config.NumRounds, phase, tasks.Count, state.Clients.Count);
        var start = Options.TimeProvider.GetTimestamp();
        using var gate = new SemaphoreSlim(1);
        using var turns = new SemaphoreSlim(Options.MaxConcurrency ?? int.MaxValue);
        var open = Enumerable.Repeat(true, tasks.Count).ToArray();
        using var reminder = new Reminder(Options.TimeProvider, passed =>
        {
            string[] names = [.. tasks.Where((_, place) => Volatile.Read(ref open[place])).Select(task => task.Client.Name)];
            Log.StillAtWork(state.Round, Config.NumRounds, phase, names.Length, passed.TotalSeconds, NameList.Few(names));
        });
        var answers = await Task.WhenAll(tasks.Select((task, place) => Task.Run(() => AskInTurnAsync(task, place), cancellation))).ConfigureAwait(false);
        var failures = answers.OfType<ClientFailure>().ToArray();
        Log.PhaseDone(
            state.Round, Config.NumRounds, phase, tasks.Count - failures.Length, failures.Length,
            Options.TimeProvider.GetElapsedTime(start).TotalSeconds);
        return failures;

        async Task<ClientFailure?> AskInTurnAsync(ClientTask<TInstructions> task, int place)
        {
            await turns.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await AskAsync(phase, task, check, result => AcceptAsync(place, result), report, state.Round, start, cancellation)
                    .ConfigureAwait(false);
            }
            finally
            {
                Volatile.Write(ref open[place], false);
                turns.Release();
            }
        }

        async Task AcceptAsync(int place, TResult result)
        {
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
        }
    }
}
