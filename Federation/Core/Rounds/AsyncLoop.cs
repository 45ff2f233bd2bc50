using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Training without rounds: whoever is free is asked, and a step is made as soon as its updates have come.</summary>
/// <remarks>
/// One task keeps all that changes; each question is a task of its own, which leaves what is to be done about its answer in the
/// mailbox. The mailbox is bounded by the number of questions, and so by <see cref="AsyncStrategy.MaxConcurrency"/>.
/// </remarks>
internal sealed partial class AsyncLoop(ServerConfig config, LimitingAsyncStrategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    : ServerLoop(config, strategy, registry, options, log)
{
    /// <summary>A peer that fails and comes back as another, again and again, ends the step: its failures are not to fill the memory.</summary>
    private const int MaxFailures = 1000;

    private readonly AsyncStrategy strategy = strategy;

    /// <summary>Clients that failed: they are asked again after the next step.</summary>
    private readonly HashSet<ClientInfo> resting = [];

    /// <summary>The step that updates are for; null before the first and after the last.</summary>
    private Step? step;

    private AsyncEvaluation? evaluation;

    /// <summary>The oldest round whose model is still trained from.</summary>
    private int OldestGiven => open.Select(question => question.Given).Concat(given.Values).DefaultIfEmpty(int.MaxValue).Min();

    private bool IsFull => step!.Reports.Count >= strategy.UpdatesPerStep || step.Failures.Count >= MaxFailures;

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        Log.Asynchronous(strategy.UpdatesPerStep, strategy.MaxConcurrency);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var places = new SemaphoreSlim(strategy.MaxConcurrency);
        turns = places;
        try
        {
            // An evaluation that the server did not see the end of is asked for again.
            if (FirstRound > 1 && IsEvaluated(FirstRound - 1) && history.Report(FirstRound - 1) is { LossDistributed: null, EvaluateFailures.Count: 0 })
            {
                await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), stop.Token).ConfigureAwait(false);
                AskForEvaluation(FirstRound - 1, history, stop.Token);
                await HearEvaluationAsync(stop.Token).ConfigureAwait(false);
            }
            for (var round = FirstRound; round <= LastRound; round++)
            {
                var start = Options.TimeProvider.GetTimestamp();
                await StepAsync(round, history, stop.Token).ConfigureAwait(false);
                if (IsEvaluated(round)) BeginEvaluation(round, history, stop.Token);
                StoredQuestion[]? asked = strategy.Ordered ? [.. open.Select(question => question.Stored)] : null;
                if (await EndRoundAsync(round, history, start, stop.Token, OldestGiven, asked).ConfigureAwait(false)) break;
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

    private async Task StepAsync(int round, History history, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        resting.Clear();
        var state = strategy.Ordered ? await EnterAsync(round, history, cancellation).ConfigureAwait(false) : Now(round, Purpose.Fit, history);
        var now = step = new(state, strategy.AggregateFit(state));
        using var reminder = new Reminder(Options.TimeProvider, passed => mailbox.Writer.TryWrite(() =>
        {
            Log.StillAtWork(round, Config.NumRounds, "fit", atWork.Count, passed.TotalSeconds, NameList.Few([.. atWork.Keys.Select(client => client.Name)]));
            return Task.CompletedTask;
        }));
        var start = Options.TimeProvider.GetTimestamp();
        await (strategy.Ordered ? TrainInOrderAsync(now, cancellation) : TrainAsTheyComeAsync(now, cancellation)).ConfigureAwait(false);
        Log.PhaseDone(
            round, Config.NumRounds, "fit", now.Reports.Count, now.Failures.Count, Options.TimeProvider.GetElapsedTime(start).TotalSeconds);
        history.AddStaleness(round, now.Staleness);
        Record(history, state, now.Aggregation, [.. now.Trained], now.Reports, now.Failures);
        await ReconsiderAsync(history, round, now.Accepted, now.Failures, cancellation).ConfigureAwait(false);
    }

    private RoundState Now(int round, Purpose purpose, History history) => StateOf(round, purpose, history, Registry.Clients());

    /// <summary>How many updates of a client have counted in this step, under whatever connection.</summary>
    private int CountedOf(ClientInfo client) => step!.Trained.Count(other => SameClient.Instance.Equals(other, client));

    /// <summary>Folds an update into the present step.</summary>
    private void Take(Step step, ClientInfo client, RoundState state, Parameters model, FitResult result)
    {
        var staleness = step.State.Round - state.Round;
        try
        {
            step.Aggregation.Add(result, Door.Copy(model), staleness);
        }
        catch (Exception exception)
        {
            Refuse(step, client, Failed(step.State.Round, exception));
            return;
        }
        step.Accepted.Add(client);
        step.Trained.Add(client);
        step.Reports.Add(new(result.NumExamples, result.Metrics));
        step.Staleness.Add(staleness);
    }

    private void Refuse(Step step, ClientInfo client, Refusal refusal)
    {
        Log.ClientFailed("fit", client.Name, refusal.Reason, refusal.Message, 0, 0);
        resting.Add(client);
        step.Failures.Add(new(client, refusal.Reason, refusal.Message));
    }

    private bool IsEvaluated(int round) => round % strategy.EvaluateEvery == 0 || round == Config.NumRounds;

    private void BeginEvaluation(int round, History history, CancellationToken cancellation)
    {
        EvaluateCentrally(round, history);
        AskForEvaluation(round, history, cancellation);
    }

    private void AskForEvaluation(int round, History history, CancellationToken cancellation)
    {
        if (strategy.FractionEvaluate == 0) return;
        evaluation?.Close();
        var state = Now(round, Purpose.Evaluate, history);
        var tasks = Door.Take(strategy.ConfigureEvaluate(Door.Show(state)));
        Log.PhaseStarted(round, Config.NumRounds, "evaluate", tasks.Count, state.Clients.Count);
        evaluation = new(state, tasks, (reports, failures) => Record(history, state, reports, failures));
        if (strategy.Ordered) EvaluateByTheFree(evaluation, cancellation);
    }

    private async Task HearEvaluationAsync(CancellationToken cancellation)
    {
        while (evaluation is { IsOpen: true } && await AskOrHearAsync(cancellation).ConfigureAwait(false))
        {
            // Answers are taken until all have come or nobody is left who could give one.
        }
        evaluation?.Close();
    }

    /// <summary>What has come for the next model.</summary>
    private sealed record Step(RoundState State, AsyncAggregation Aggregation)
    {
        public List<ClientMetrics> Reports { get; } = [];

        public HashSet<ClientInfo> Accepted { get; } = [];

        public List<ClientInfo> Trained { get; } = [];

        /// <summary>The number of the next update.</summary>
        public int Taken { get; set; }

        /// <summary>The number of each client's next update among those it trains from this step's model, where they count as they come.</summary>
        public Dictionary<ClientInfo, int> Numbers { get; } = new(SameClient.Instance);

        /// <summary>How often clients were chosen.</summary>
        public int Choices { get; set; }

        public List<int> Staleness { get; } = [];

        public List<ClientFailure> Failures { get; } = [];
    }
}
