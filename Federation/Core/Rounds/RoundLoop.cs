using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>The one round loop: initial parameters, then fit, central evaluation and evaluation by clients, round after round.</summary>
internal sealed class RoundLoop
{
    /// <summary>How long a client may take to leave when asked to; most close their stream at once, without a word.</summary>
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(1);

    private readonly ServerConfig config;
    private readonly Strategy strategy;
    private readonly ClientRegistry registry;
    private readonly FederationOptions options;
    private readonly ILogger log;
    private readonly Random random;

    public RoundLoop(ServerConfig config, Strategy strategy, ClientRegistry registry, FederationOptions options, ILogger log)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(config.NumRounds);
        if (config.RoundTimeout is { } timeout) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        this.config = config;
        this.strategy = strategy;
        this.registry = registry;
        this.options = options;
        this.log = log;
        random = options.Seed is { } seed ? new Random(seed) : new Random();
    }

    public async Task<History> RunAsync(CancellationToken cancellation)
    {
        log.Starting(config.NumRounds, config.RoundTimeout?.ToString() ?? "none");
        var parameters = await InitialAsync(cancellation).ConfigureAwait(false);
        var history = new History(parameters);
        EvaluateCentrally(0, history);
        var start = options.TimeProvider.GetTimestamp();
        for (var round = 1; round <= config.NumRounds; round++)
        {
            await FitAsync(round, history, cancellation).ConfigureAwait(false);
            EvaluateCentrally(round, history);
            await EvaluateAsync(round, history, cancellation).ConfigureAwait(false);
        }
        history.Elapsed = options.TimeProvider.GetElapsedTime(start);
        log.Finished(config.NumRounds, history.Elapsed.TotalSeconds);
        await SayGoodbyeAsync(cancellation).ConfigureAwait(false);
        return history;
    }

    /// <summary>The strategy's parameters, or those of a random client; one that fails is passed over.</summary>
    private async Task<Parameters> InitialAsync(CancellationToken cancellation)
    {
        if (strategy.InitialParameters is { } given)
        {
            log.InitialGiven(given.Count);
            return given;
        }
        var passedOver = new HashSet<ClientInfo>();
        while (true)
        {
            var clients = await WaitForAsync(1, passedOver, cancellation).ConfigureAwait(false);
            var client = clients[random.Next(clients.Count)];
            log.InitialAsked(client.Info.Name);
            var answer = await AskAsync(client, new GetParametersInstructions(Metrics.None), cancellation).ConfigureAwait(false);
            var failure = Verdict<GetParametersResult>(
                answer, result => result.Parameters.HasArrays ? UpdateCheck.Finite(result.Parameters) : null, out var result);
            if (failure is null)
            {
                log.InitialReceived(client.Info.Name, result!.Parameters.Count);
                return result.Parameters;
            }
            log.InitialFailed(client.Info.Name, failure.Reason, failure.Message);
            passedOver.Add(client.Info);
        }
    }

    private void EvaluateCentrally(int round, History history)
    {
        if (strategy.EvaluateFunction?.Invoke(round, history.FinalParameters.Arrays) is not { } evaluation) return;
        history.AddCentralized(round, evaluation);
        log.Centralized(round, config.NumRounds, evaluation.Loss, Shown(evaluation.Metrics ?? Metrics.None));
    }

    private async Task FitAsync(int round, History history, CancellationToken cancellation)
    {
        var state = await BeginAsync(round, history, strategy.MinFitClients, cancellation).ConfigureAwait(false);
        var tasks = strategy.ConfigureFit(state);
        var aggregation = strategy.AggregateFit(state);
        var metrics = new ClientMetrics?[tasks.Count];
        var failures = await AskAllAsync<FitInstructions, FitResult>(
            "fit", state, tasks, result => strategy.Check(state, result),
            (place, result) =>
            {
                aggregation.Add(place, result);
                metrics[place] = new(result.NumExamples, result.Metrics);
            },
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation).ConfigureAwait(false);

        var reports = metrics.OfType<ClientMetrics>().ToArray();
        if (!Counts(round, reports.Length, failures)) return;
        // The clients' models are dropped: the next one goes where they were.
        BlockPool.Shared.Reclaim();
        if (aggregation.Complete(failures) is { } next) history.FinalParameters = next;
        else log.Dropped(round, "the strategy made no new one");
        history.AddFit(round, Combine("fit", strategy.FitMetricsAggregation, reports));
    }

    private async Task EvaluateAsync(int round, History history, CancellationToken cancellation)
    {
        if (strategy.FractionEvaluate == 0) return;
        var state = await BeginAsync(round, history, strategy.MinEvaluateClients, cancellation).ConfigureAwait(false);
        var tasks = strategy.ConfigureEvaluate(state);
        var evaluations = new ClientEvaluation?[tasks.Count];
        var failures = await AskAllAsync<EvaluateInstructions, EvaluateResult>(
            "evaluate", state, tasks, result => strategy.Check(state, result),
            (place, result) => evaluations[place] = new(tasks[place].Client, result.Loss, result.NumExamples, result.Metrics),
            result => (result.NumExamples, Shown(result.Loss)), cancellation).ConfigureAwait(false);

        var reports = evaluations.OfType<ClientEvaluation>().ToArray();
        if (!Counts(round, reports.Length, failures)) return;
        if (strategy.AggregateEvaluate(state, reports, failures) is not { } loss) return;
        var metrics = Combine(
            "evaluate", strategy.EvaluateMetricsAggregation, [.. reports.Select(report => new ClientMetrics(report.NumExamples, report.Metrics))]);
        history.AddDistributed(round, loss);
        history.AddDistributed(round, metrics);
        log.Distributed(round, config.NumRounds, loss, Shown(metrics));
    }

    private async Task<RoundState> BeginAsync(int round, History history, int minimum, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        var clients = await WaitForAsync(Math.Max(strategy.MinAvailableClients, minimum), [], cancellation).ConfigureAwait(false);
        return new(round, history.FinalParameters, [.. clients.Select(client => client.Info)], random.Next());
    }

    /// <summary>Waits until enough clients are connected, and says who is there and how many are missing meanwhile.</summary>
    private async Task<IReadOnlyList<IClientConnection>> WaitForAsync(int wanted, HashSet<ClientInfo> without, CancellationToken cancellation)
    {
        while (true)
        {
            var changed = registry.Changed;
            IReadOnlyList<IClientConnection> clients = [.. registry.Snapshot().Where(client => !without.Contains(client.Info))];
            if (clients.Count >= wanted) return clients;
            log.Waiting(wanted - clients.Count, clients.Count, wanted, string.Join(", ", clients.Select(client => client.Info.Name)));
            await changed.WaitAsync(options.WaitingInterval, options.TimeProvider, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks all clients at once; each accepted result goes to <paramref name="accept"/>, one at a time, as it arrives.</summary>
    private async Task<IReadOnlyList<ClientFailure>> AskAllAsync<TInstructions, TResult>(
        string phase, RoundState state, IReadOnlyList<ClientTask<TInstructions>> tasks, Func<TResult, Refusal?> check,
        Action<int, TResult> accept, Func<TResult, (long Examples, string Loss)> report, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        log.PhaseStarted(state.Round, config.NumRounds, phase, tasks.Count, state.Clients.Count);
        var start = options.TimeProvider.GetTimestamp();
        using var gate = new SemaphoreSlim(1);
        var failures = new ClientFailure?[tasks.Count];
        await Task.WhenAll(tasks.Select((task, place) => Task.Run(() => AskOneAsync(task, place), cancellation))).ConfigureAwait(false);
        var failed = failures.OfType<ClientFailure>().ToArray();
        log.PhaseDone(
            state.Round, config.NumRounds, phase, tasks.Count - failed.Length, failed.Length,
            options.TimeProvider.GetElapsedTime(start).TotalSeconds);
        return failed;

        async Task AskOneAsync(ClientTask<TInstructions> task, int place)
        {
            var answer = registry.Find(task.Client) is { } client
                ? await AskAsync(client, task.Instructions, cancellation).ConfigureAwait(false)
                : Answer.Failed(FailureReason.Disconnected, "left before the round began");
            var seconds = options.TimeProvider.GetElapsedTime(start).TotalSeconds;
            var refusal = Verdict(answer, check, out var result);
            if (refusal is not null)
            {
                failures[place] = new(task.Client, refusal.Reason, refusal.Message);
                log.ClientFailed(phase, task.Client.Name, refusal.Reason, refusal.Message, answer.Bytes, seconds);
                return;
            }
            await gate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                accept(place, result!);
            }
            finally
            {
                gate.Release();
            }
            var (examples, loss) = report(result!);
            log.ClientDone(phase, task.Client.Name, examples, loss, answer.Bytes, seconds);
        }
    }

    /// <summary>Asks one client within the round's timeout; a client that takes longer loses its stream.</summary>
    private async Task<Answer> AskAsync(IClientConnection client, Instruction instruction, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(config.RoundTimeout ?? Timeout.InfiniteTimeSpan, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            return await client.AskAsync(instruction, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            var message = FormattableString.Invariant($"Timeout of {config.RoundTimeout!.Value.TotalSeconds:0.0##} sec was exceeded.");
            client.Abort(message);
            registry.Leave(client, message);
            return Answer.Failed(FailureReason.TimedOut, message);
        }
    }

    private async Task SayGoodbyeAsync(CancellationToken cancellation)
    {
        registry.Close();
        using var timer = new CancellationTokenSource(GoodbyeTime, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        var goodbye = new ReconnectInstructions(0);
        Task all = Task.WhenAll(registry.Snapshot().Select(client => client.AskAsync(goodbye, either.Token)));
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Null and the result when the answer is of the right kind, done, and passes the check; else what is wrong.</summary>
    private static Refusal? Verdict<TResult>(Answer answer, Func<TResult, Refusal?> check, out TResult? result) where TResult : Result
    {
        result = answer.Reply as TResult;
        if (answer.Failure is not null) return answer.Failure;
        if (result is null)
        {
            return new(FailureReason.Unexpected, $"answered with {answer.Reply?.GetType().Name}, expected {typeof(TResult).Name}");
        }
        if (result.Status.Code != ResultCode.Ok) return new(FailureReason.Declined, $"{result.Status.Code}: {PeerText.Harmless(result.Status.Message)}");
        return check(result);
    }

    private bool Counts(int round, int results, IReadOnlyList<ClientFailure> failures)
    {
        var why = results < Math.Max(1, strategy.MinResults) ? $"{results} results are too few, {Math.Max(1, strategy.MinResults)} wanted"
            : failures.Count > 0 && !strategy.AcceptFailures ? $"{failures.Count} failures, and the strategy accepts none"
            : null;
        if (why is not null) log.Dropped(round, why);
        return why is null;
    }

    private IReadOnlyDictionary<string, Scalar> Combine(string phase, MetricsAggregation? aggregation, IReadOnlyList<ClientMetrics> clients)
    {
        if (aggregation is not null) return aggregation(clients);
        var names = clients.SelectMany(client => client.Values.Keys).Distinct().Order(StringComparer.Ordinal);
        if (string.Join(", ", names) is { Length: > 0 } dropped) log.MetricsDropped(phase, dropped);
        return Metrics.None;
    }

    private static string LossIn(IReadOnlyDictionary<string, Scalar> metrics) =>
        (metrics.TryGetValue("loss", out var loss) || metrics.TryGetValue("train_loss", out loss)) && loss.IsNumber
            ? Shown(loss.AsDouble())
            : "not given";

    private static string Shown(double value) => FormattableString.Invariant($"{value:G6}");

    private static string Shown(IReadOnlyDictionary<string, Scalar> metrics) => string.Concat(
        metrics.Where(pair => pair.Value.IsNumber).Select(pair => FormattableString.Invariant($", {pair.Key} {pair.Value.AsDouble():G6}")));
}
