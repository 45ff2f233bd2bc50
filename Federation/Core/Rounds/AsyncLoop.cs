using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Training without rounds: whoever is free is asked, and a step is made as soon as its updates have come.</summary>
/// <remarks>
/// One task keeps all that changes; each question is a task of its own, which leaves what is to be done about its answer in the
/// mailbox. The mailbox is bounded by the number of questions, and so by <see cref="AsyncStrategy.MaxConcurrency"/>.
/// </remarks>
internal sealed class AsyncLoop(ServerConfig config, AsyncStrategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    : ServerLoop(config, strategy, registry, options, log)
{
    /// <summary>A peer that fails and comes back as another, again and again, ends the step: its failures are not to fill the memory.</summary>
    private const int MaxFailures = 1000;

    private readonly AsyncStrategy strategy = strategy;
    private readonly Channel<Func<Task>> mailbox = Channel.CreateUnbounded<Func<Task>>(new() { SingleReader = true });
    private readonly Dictionary<ClientInfo, Task> atWork = [];

    /// <summary>Clients that failed: they are asked again after the next step.</summary>
    private readonly HashSet<ClientInfo> resting = [];

    /// <summary>The step that updates are for; null before the first and after the last.</summary>
    private Step? step;

    private AsyncEvaluation? evaluation;
    private Task? hearing;
    private int choices;

    /// <summary>The round whose model each client at work trains from.</summary>
    private readonly Dictionary<ClientInfo, int> given = [];

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        Log.Asynchronous(strategy.UpdatesPerStep, strategy.MaxConcurrency);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            // An evaluation that the server did not see the end of is asked for again.
            if (FirstRound > 1 && IsEvaluated(FirstRound - 1) && history.Report(FirstRound - 1) is { LossDistributed: null, EvaluateFailures.Count: 0 })
            {
                await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), stop.Token).ConfigureAwait(false);
                AskForEvaluation(FirstRound - 1, history);
                await HearEvaluationAsync(stop.Token).ConfigureAwait(false);
            }
            for (var round = FirstRound; round <= Config.NumRounds; round++)
            {
                var start = Options.TimeProvider.GetTimestamp();
                await StepAsync(round, history, stop.Token).ConfigureAwait(false);
                if (IsEvaluated(round)) BeginEvaluation(round, history);
                if (await EndRoundAsync(round, history, start, stop.Token, given.Count == 0 ? int.MaxValue : given.Values.Min()).ConfigureAwait(false)) break;
            }
            step = null;
            await HearEvaluationAsync(stop.Token).ConfigureAwait(false);
        }
        finally
        {
            // Whoever still trains is not waited for: the goodbye takes the place of the answer.
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(atWork.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task HearEvaluationAsync(CancellationToken cancellation)
    {
        while (evaluation is { IsOpen: true } && await AskOrHearAsync(cancellation).ConfigureAwait(false))
        {
            // Answers are taken until all have come or nobody is left who could give one.
        }
        evaluation?.Close();
    }

    private async Task StepAsync(int round, History history, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        resting.Clear();
        var state = Now(round, Purpose.Fit, history);
        var now = step = new(state, strategy.AggregateFit(Door.Show(state)));
        choices = 0;
        if (!WasOpen(round)) await KeepClientsAsync(state, cancellation).ConfigureAwait(false);
        foreach (var update in round == FirstRound ? AcceptedBefore : []) TakeKept(state, update);
        using var reminder = new Reminder(Options.TimeProvider, passed => mailbox.Writer.TryWrite(() =>
        {
            Log.StillAtWork(round, Config.NumRounds, "fit", atWork.Count, passed.TotalSeconds, NameList.Few([.. atWork.Keys.Select(client => client.Name)]));
            return Task.CompletedTask;
        }));
        var start = Options.TimeProvider.GetTimestamp();
        while (now.Reports.Count < strategy.UpdatesPerStep && now.Failures.Count < MaxFailures)
        {
            if (await AskOrHearAsync(cancellation).ConfigureAwait(false)) continue;
            // Nobody is left to ask in this step, unless too few are there to begin with.
            var clients = await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), cancellation).ConfigureAwait(false);
            if (clients.All(resting.Contains)) break;
        }
        Log.PhaseDone(
            round, Config.NumRounds, "fit", now.Reports.Count, now.Failures.Count, Options.TimeProvider.GetElapsedTime(start).TotalSeconds);
        history.AddStaleness(round, now.Staleness);
        Record(history, state, now.Aggregation, [.. now.Trained], now.Reports, now.Failures);
        await ReconsiderAsync(history, round, now.Accepted, now.Failures, cancellation).ConfigureAwait(false);
    }

    private bool IsEvaluated(int round) => round % strategy.EvaluateEvery == 0 || round == Config.NumRounds;

    private void BeginEvaluation(int round, History history)
    {
        EvaluateCentrally(round, history);
        AskForEvaluation(round, history);
    }

    private void AskForEvaluation(int round, History history)
    {
        if (strategy.FractionEvaluate == 0) return;
        evaluation?.Close();
        var state = Now(round, Purpose.Evaluate, history);
        var tasks = Door.Take(strategy.ConfigureEvaluate(Door.Show(state)));
        Log.PhaseStarted(round, Config.NumRounds, "evaluate", tasks.Count, state.Clients.Count);
        evaluation = new(state, tasks, (reports, failures) => Record(history, state, reports, failures));
    }

    private RoundState Now(int round, Purpose purpose, History history) => StateOf(round, purpose, history, Registry.Clients());

    /// <summary>Asks whoever is free, and waits for an answer or for clients to come or go; false when nobody is at work.</summary>
    private async Task<bool> AskOrHearAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var changed = Registry.Changed;
        AskTheFree(cancellation);
        if (atWork.Count == 0) return false;
        if (mailbox.Reader.TryRead(out var act))
        {
            await act().ConfigureAwait(false);
            return true;
        }
        hearing ??= mailbox.Reader.WaitToReadAsync(cancellation).AsTask();
        await Task.WhenAny(changed, hearing).ConfigureAwait(false);
        if (hearing.IsCompleted) hearing = null;
        return true;
    }

    private void AskTheFree(CancellationToken cancellation)
    {
        var clients = Registry.Clients();
        if (Registry.VirtualCount is null) evaluation?.Forget(clients);
        var mayTrain = step is not null && clients.Count >= strategy.MinAvailableClients;
        // Never by going through the clients, who may be very many.
        var free = mayTrain ? Registry.Without(new HashSet<ClientInfo>([.. atWork.Keys, .. resting.Where(client => evaluation?.Wants(client) != true)]))
            : evaluation is null ? [] : [.. evaluation.Waiting.Where(client => !atWork.ContainsKey(client))];
        if (free.Count == 0) return;
        var key = KeyFor(Purpose.Ask, step?.State.Round ?? Config.NumRounds + 1).Fold((uint)choices++);
        foreach (var client in new RoundState(0, Parameters.Empty, free, key).Sample(strategy.MaxConcurrency - atWork.Count))
        {
            if (evaluation?.Take(client) is { } task) Evaluate(evaluation, task, cancellation);
            else Train(client, step!.State with { Clients = [client], Key = key }, cancellation);
        }
    }

    private void Train(ClientInfo client, RoundState state, CancellationToken cancellation)
    {
        if (Named(Door.Take(strategy.ConfigureFit(Door.Show(state))), state.Round, CountedOf(client)).FirstOrDefault(task => task.Client == client) is not { } task)
        {
            resting.Add(client);
            return;
        }
        given[client] = state.Round - 1;
        Ask<FitInstructions, FitResult>(
            "fit", state.Round, task, result => CheckFit(state, state, result), result => TakeAsync(task, state, result, cancellation), failure =>
            {
                given.Remove(client);
                resting.Add(client);
                step?.Failures.Add(failure);
            },
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation);
    }

    /// <summary>How many updates of a client have counted in this step, under whatever connection.</summary>
    private int CountedOf(ClientInfo client) =>
        step!.Trained.Count(other => client.StableName is { } name ? other.StableName == name : other == client);

    /// <summary>Folds an update into the present step, unless it is too old or comes after the last.</summary>
    private async Task TakeAsync(ClientTask<FitInstructions> task, RoundState state, FitResult result, CancellationToken cancellation)
    {
        given.Remove(task.Client);
        if (step is null) return;
        var staleness = step.State.Round - state.Round;
        if (staleness > strategy.MaxStaleness)
        {
            Log.Stale(task.Client.Name, staleness, strategy.MaxStaleness.Value);
            return;
        }
        await KeepUpdateAsync(step.State.Round, step.Taken++, task.Client, state.Round - 1, result, cancellation).ConfigureAwait(false);
        Take(step, task.Client, state, task.Instructions.Parameters, result);
    }

    /// <summary>Folds in an update that was accepted before the server stopped.</summary>
    private void TakeKept(RoundState now, StoredUpdate update)
    {
        var client = ClientInfo.Create("before", update.Client);
        step!.Taken = update.Place + 1;
        if ((update.Given == now.Round - 1 ? now.Parameters : ModelOf(update.Given)) is not { } model)
        {
            Log.RunFileLost($"the model of round {update.Given}", "an update of it cannot be counted");
            return;
        }
        var state = now with { Round = update.Given + 1, Parameters = model };
        if (CheckFit(state, state, update.Result) is { } refusal)
        {
            step.Failures.Add(new(client, refusal.Reason, refusal.Message));
            return;
        }
        Log.UpdateKept(update.Client);
        Take(step, client, state, model, update.Result);
    }

    private void Take(Step step, ClientInfo client, RoundState state, Parameters model, FitResult result)
    {
        var staleness = step.State.Round - state.Round;
        try
        {
            step.Aggregation.Add(Filter.Clip(state, client, result), Door.Copy(model), staleness);
        }
        catch (Exception exception)
        {
            var refusal = Failed(step.State.Round, exception);
            Log.ClientFailed("fit", client.Name, refusal.Reason, refusal.Message, 0, 0);
            resting.Add(client);
            step.Failures.Add(new(client, refusal.Reason, refusal.Message));
            return;
        }
        step.Accepted.Add(client);
        step.Trained.Add(client);
        step.Reports.Add(new(result.NumExamples, result.Metrics));
        step.Staleness.Add(staleness);
    }

    private void Evaluate(AsyncEvaluation asked, ClientTask<EvaluateInstructions> task, CancellationToken cancellation) =>
        Ask<EvaluateInstructions, EvaluateResult>(
            "evaluate", asked.State.Round, task, result => strategy.Check(asked.State, result),
            result =>
            {
                asked.Add(new ClientEvaluation(task.Client, result.Loss, result.NumExamples, result.Metrics));
                return Task.CompletedTask;
            },
            asked.Add,
            result => (result.NumExamples, Shown(result.Loss)), cancellation);

    private void Ask<TInstructions, TResult>(
        string phase, int round, ClientTask<TInstructions> task, Func<TResult, Refusal?> check, Func<TResult, Task> accept, Action<ClientFailure> refuse,
        Func<TResult, (long Examples, string Loss)> report, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        var start = Options.TimeProvider.GetTimestamp();
        atWork.Add(task.Client, Task.Run(AskAsync, CancellationToken.None));

        async Task AskAsync()
        {
            try
            {
                TResult? accepted = null;
                var failure = await this.AskAsync(phase, task, check, Keep, report, round, start, cancellation).ConfigureAwait(false);
                Leave(() =>
                {
                    if (failure is null) return accept(accepted!);
                    refuse(failure);
                    return Task.CompletedTask;
                });

                Task Keep(TResult result)
                {
                    accepted = result;
                    return Task.CompletedTask;
                }
            }
            catch (Exception exception)
            {
                // A strategy that throws ends the run.
                Leave(() => Task.FromException(exception));
            }
        }

        void Leave(Func<Task> act) => mailbox.Writer.TryWrite(() =>
        {
            atWork.Remove(task.Client);
            return act();
        });
    }

    /// <summary>What has come for the next model.</summary>
    private sealed record Step(RoundState State, AsyncAggregation Aggregation)
    {
        public List<ClientMetrics> Reports { get; } = [];

        public HashSet<ClientInfo> Accepted { get; } = [];

        public List<ClientInfo> Trained { get; } = [];

        /// <summary>The number of the next update.</summary>
        public int Taken { get; set; }

        public List<int> Staleness { get; } = [];

        public List<ClientFailure> Failures { get; } = [];
    }
}
