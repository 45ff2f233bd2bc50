using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Training without rounds: whoever is free is asked, and a step is made as soon as its updates have come.</summary>
/// <remarks>
/// One task keeps all that changes; each question is a task of its own, which leaves what is to be done about its answer in the
/// mailbox. The mailbox is bounded by the number of questions, and so by <see cref="AsyncStrategy.MaxConcurrency"/>.
/// </remarks>
internal sealed class AsyncLoop(ServerConfig config, AsyncStrategy strategy, ClientRegistry registry, FederationOptions options, ILogger log)
    : ServerLoop(config, strategy, registry, options, log)
{
    /// <summary>A peer that fails and comes back as another, again and again, ends the step: its failures are not to fill the memory.</summary>
    private const int MaxFailures = 1000;

    private readonly AsyncStrategy strategy = strategy;
    private readonly Channel<Action> mailbox = Channel.CreateUnbounded<Action>(new() { SingleReader = true });
    private readonly Dictionary<ClientInfo, Task> atWork = [];

    /// <summary>Clients that failed: they are asked again after the next step.</summary>
    private readonly HashSet<ClientInfo> resting = [];

    /// <summary>The step that updates are for; null before the first and after the last.</summary>
    private Step? step;

    private AsyncEvaluation? evaluation;
    private Task? hearing;
    private int choices;

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        Log.Asynchronous(strategy.UpdatesPerStep, strategy.MaxConcurrency);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            for (var round = 1; round <= Config.NumRounds; round++)
            {
                await StepAsync(round, history, stop.Token).ConfigureAwait(false);
                if (round % strategy.EvaluateEvery == 0 || round == Config.NumRounds) BeginEvaluation(round, history);
            }
            step = null;
            while (evaluation is { IsOpen: true } && await AskOrHearAsync(stop.Token).ConfigureAwait(false))
            {
                // Answers are taken until all have come or nobody is left who could give one.
            }
            evaluation?.Close();
        }
        finally
        {
            // Whoever still trains is not waited for: the goodbye takes the place of the answer.
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(atWork.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task StepAsync(int round, History history, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        resting.Clear();
        var state = Now(round, Purpose.Fit, history);
        var now = step = new(state, strategy.AggregateFit(Door.Show(state)));
        using var reminder = new Reminder(Options.TimeProvider, passed => mailbox.Writer.TryWrite(() => Log.StillAtWork(
            round, Config.NumRounds, "fit", atWork.Count, passed.TotalSeconds, NameList.Few([.. atWork.Keys.Select(client => client.Name)]))));
        var start = Options.TimeProvider.GetTimestamp();
        while (now.Reports.Count < strategy.UpdatesPerStep && now.Failures.Count < MaxFailures)
        {
            if (await AskOrHearAsync(cancellation).ConfigureAwait(false)) continue;
            // Nobody is left to ask in this step, unless too few are there to begin with.
            var clients = await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), cancellation).ConfigureAwait(false);
            if (clients.All(client => resting.Contains(client.Info))) break;
        }
        Log.PhaseDone(
            round, Config.NumRounds, "fit", now.Reports.Count, now.Failures.Count, Options.TimeProvider.GetElapsedTime(start).TotalSeconds);
        history.AddStaleness(round, now.Staleness);
        Record(history, state, now.Aggregation, now.Reports, now.Failures);
        await ReconsiderAsync(history, round, now.Accepted, now.Failures, cancellation).ConfigureAwait(false);
    }

    private void BeginEvaluation(int round, History history)
    {
        EvaluateCentrally(round, history);
        if (strategy.FractionEvaluate == 0) return;
        evaluation?.Close();
        var state = Now(round, Purpose.Evaluate, history);
        var tasks = Door.Take(strategy.ConfigureEvaluate(Door.Show(state)));
        Log.PhaseStarted(round, Config.NumRounds, "evaluate", tasks.Count, state.Clients.Count);
        evaluation = new(state, tasks, (reports, failures) => Record(history, state, reports, failures));
    }

    private RoundState Now(int round, Purpose purpose, History history) => StateOf(round, purpose, history, Connected());

    /// <summary>Asks whoever is free, and waits for an answer or for clients to come or go; false when nobody is at work.</summary>
    private async Task<bool> AskOrHearAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var changed = Registry.Changed;
        AskTheFree(cancellation);
        if (atWork.Count == 0) return false;
        if (mailbox.Reader.TryRead(out var act))
        {
            act();
            return true;
        }
        hearing ??= mailbox.Reader.WaitToReadAsync(cancellation).AsTask();
        await Task.WhenAny(changed, hearing).ConfigureAwait(false);
        if (hearing.IsCompleted) hearing = null;
        return true;
    }

    private void AskTheFree(CancellationToken cancellation)
    {
        var clients = Connected().Select(client => client.Info).ToArray();
        evaluation?.Forget(clients);
        var mayTrain = step is not null && clients.Length >= strategy.MinAvailableClients;
        ClientInfo[] free =
        [
            .. clients.Where(client => !atWork.ContainsKey(client) && (mayTrain && !resting.Contains(client) || evaluation?.Wants(client) == true)),
        ];
        if (free.Length == 0) return;
        var key = KeyFor(Purpose.Ask, choices++);
        foreach (var client in new RoundState(0, Parameters.Empty, free, key).Sample(strategy.MaxConcurrency - atWork.Count))
        {
            if (evaluation?.Take(client) is { } task) Evaluate(evaluation, task, cancellation);
            else Train(client, step!.State with { Clients = [client], Key = key }, cancellation);
        }
    }

    private void Train(ClientInfo client, RoundState state, CancellationToken cancellation)
    {
        if (Door.Take(strategy.ConfigureFit(Door.Show(state))).FirstOrDefault(task => task.Client == client) is not { } task)
        {
            resting.Add(client);
            return;
        }
        Ask<FitInstructions, FitResult>(
            "fit", state.Round, task, result => CheckFit(state, state, result), result => Take(task, state, result), failure =>
            {
                resting.Add(client);
                step?.Failures.Add(failure);
            },
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation);
    }

    /// <summary>Folds an update into the present step, unless it is too old or comes after the last.</summary>
    private void Take(ClientTask<FitInstructions> task, RoundState state, FitResult result)
    {
        if (step is null) return;
        var staleness = step.State.Round - state.Round;
        if (staleness > strategy.MaxStaleness)
        {
            Log.Stale(task.Client.Name, staleness, strategy.MaxStaleness.Value);
            return;
        }
        try
        {
            step.Aggregation.Add(Filter.Clip(state, task.Client, result), Door.Copy(task.Instructions.Parameters), staleness);
        }
        catch (Exception exception)
        {
            var refusal = Failed(step.State.Round, exception);
            Log.ClientFailed("fit", task.Client.Name, refusal.Reason, refusal.Message, 0, 0);
            resting.Add(task.Client);
            step.Failures.Add(new(task.Client, refusal.Reason, refusal.Message));
            return;
        }
        step.Accepted.Add(task.Client);
        step.Reports.Add(new(result.NumExamples, result.Metrics));
        step.Staleness.Add(staleness);
    }

    private void Evaluate(AsyncEvaluation asked, ClientTask<EvaluateInstructions> task, CancellationToken cancellation) =>
        Ask<EvaluateInstructions, EvaluateResult>(
            "evaluate", asked.State.Round, task, result => strategy.Check(asked.State, result),
            result => asked.Add(new ClientEvaluation(task.Client, result.Loss, result.NumExamples, result.Metrics)), asked.Add,
            result => (result.NumExamples, Shown(result.Loss)), cancellation);

    private void Ask<TInstructions, TResult>(
        string phase, int round, ClientTask<TInstructions> task, Func<TResult, Refusal?> check, Action<TResult> accept, Action<ClientFailure> refuse,
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
                Leave(failure is null ? () => accept(accepted!) : () => refuse(failure));

                Task Keep(TResult result)
                {
                    accepted = result;
                    return Task.CompletedTask;
                }
            }
            catch (Exception exception)
            {
                // A strategy that throws ends the run.
                Leave(() => ExceptionDispatchInfo.Throw(exception));
            }
        }

        void Leave(Action act) => mailbox.Writer.TryWrite(() =>
        {
            atWork.Remove(task.Client);
            act();
        });
    }

    /// <summary>What has come for the next model.</summary>
    private sealed record Step(RoundState State, AsyncAggregation Aggregation)
    {
        public List<ClientMetrics> Reports { get; } = [];

        public HashSet<ClientInfo> Accepted { get; } = [];

        public List<int> Staleness { get; } = [];

        public List<ClientFailure> Failures { get; } = [];
    }
}
