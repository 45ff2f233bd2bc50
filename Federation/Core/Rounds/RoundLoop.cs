using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fit, central evaluation and evaluation by clients, round after round; a round waits for all its clients.</summary>
internal sealed class RoundLoop(ServerConfig config, Strategy strategy, ClientRegistry registry, FederationOptions options, ILogger log)
    : ServerLoop(config, strategy, registry, options, log)
{
    private readonly Strategy strategy = strategy;

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        for (var round = 1; round <= Config.NumRounds; round++)
        {
            await FitAsync(round, history, cancellation).ConfigureAwait(false);
            EvaluateCentrally(round, history);
            await EvaluateAsync(round, history, cancellation).ConfigureAwait(false);
        }
    }

    private async Task FitAsync(int round, History history, CancellationToken cancellation)
    {
        var state = await BeginAsync(round, Purpose.Fit, history, strategy.MinFitClients, cancellation).ConfigureAwait(false);
        var tasks = Door.Take(strategy.ConfigureFit(Door.Show(state)));
        var shown = Door.Show(state);
        var aggregation = strategy.AggregateFit(shown);
        var claims = new ExampleClaims(strategy.MaxExamplesRatio, Log);
        var metrics = new ClientMetrics?[tasks.Count];
        var thrown = new List<ClientFailure>();
        var failures = await AskAllAsync<FitInstructions, FitResult>(
            "fit", state, tasks, result => CheckFit(state, shown, result),
            (place, result) => Add(claims.Exchange(new(place, tasks[place].Client, Filter.Clip(state, tasks[place].Client, result)))),
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation).ConfigureAwait(false);
        Add(claims.TakeLast());

        Record(history, state, aggregation, [.. metrics.OfType<ClientMetrics>()], [.. failures, .. thrown]);
        ClientInfo[] accepted = [.. tasks.Where((_, place) => metrics[place] is not null).Select(task => task.Client)];
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
        Action<int, TResult> accept, Func<TResult, (long Examples, string Loss)> report, CancellationToken cancellation)
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
