using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What every run of a server does: initial parameters, training in some order, and goodbye.</summary>
internal abstract class ServerLoop
{
    /// <summary>How long a client may take to leave when asked to; most close their stream at once, without a word.</summary>
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(1);

    private readonly Strategy strategy;

    protected ServerLoop(ServerConfig config, Strategy strategy, ClientRegistry registry, FederationOptions options, ILogger log)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(config.NumRounds);
        if (config.RoundTimeout is { } timeout) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        this.strategy = strategy;
        Config = config;
        Registry = registry;
        Options = options;
        Log = log;
        Filter = new(options.UpdateLimits, log);
        Door = new(strategy);
        Random = options.Seed is { } seed ? new Random(seed) : new Random();
    }

    protected ServerConfig Config { get; }

    protected ClientRegistry Registry { get; }

    protected FederationOptions Options { get; }

    protected ILogger Log { get; }

    protected Random Random { get; }

    /// <summary>What passes between the run and its strategy.</summary>
    protected StrategyDoor Door { get; }

    /// <summary>The loop that the strategy asks for.</summary>
    public static ServerLoop Create(ServerConfig config, Strategy strategy, ClientRegistry registry, FederationOptions options, ILogger log) =>
        strategy is AsyncStrategy async ? new AsyncLoop(config, async, registry, options, log) : new RoundLoop(config, strategy, registry, options, log);

    /// <summary>The limits of updates: each result is checked, then clipped before it is added; <c>Record</c> ends the round.</summary>
    protected UpdateFilter Filter { get; }

    public async Task<History> RunAsync(CancellationToken cancellation)
    {
        Log.Starting(Config.NumRounds, Config.RoundTimeout?.ToString() ?? "none");
        var parameters = await InitialAsync(cancellation).ConfigureAwait(false);
        var history = new History(parameters);
        EvaluateCentrally(0, history);
        var start = Options.TimeProvider.GetTimestamp();
        await TrainAsync(history, cancellation).ConfigureAwait(false);
        history.Elapsed = Options.TimeProvider.GetElapsedTime(start);
        Log.Finished(Config.NumRounds, history.Elapsed.TotalSeconds);
        await SayGoodbyeAsync(cancellation).ConfigureAwait(false);
        return history;
    }

    /// <summary>Trains and evaluates until all rounds are done.</summary>
    protected abstract Task TrainAsync(History history, CancellationToken cancellation);

    /// <summary>The strategy's parameters, or those of a random client; one that fails is passed over.</summary>
    private async Task<Parameters> InitialAsync(CancellationToken cancellation)
    {
        if (strategy.InitialParameters is { } given)
        {
            Log.InitialGiven(given.Count);
            return given.Own();
        }
        var passedOver = new HashSet<ClientInfo>();
        while (true)
        {
            var clients = await WaitForAsync(1, passedOver, cancellation).ConfigureAwait(false);
            var client = clients[Random.Next(clients.Count)];
            Log.InitialAsked(client.Info.Name);
            var answer = await AskAsync(client, new GetParametersInstructions(Metrics.None), cancellation).ConfigureAwait(false);
            var failure = Verdict<GetParametersResult>(
                answer, result => result.Parameters.HasArrays ? UpdateCheck.Finite(result.Parameters) : null, out var result);
            if (failure is null)
            {
                Log.InitialReceived(client.Info.Name, result!.Parameters.Count);
                return result.Parameters;
            }
            Log.InitialFailed(client.Info.Name, failure.Reason, failure.Message);
            passedOver.Add(client.Info);
        }
    }

    protected void EvaluateCentrally(int round, History history)
    {
        if (strategy.EvaluateFunction?.Invoke(round, history.FinalParameters.Arrays.Own()) is not { } evaluation) return;
        history.AddCentralized(round, evaluation);
        Log.Centralized(round, Config.NumRounds, evaluation.Loss, Shown(evaluation.Metrics ?? Metrics.None));
    }

    /// <summary>Waits until enough clients are connected, and says who is there and how many are missing meanwhile.</summary>
    protected async Task<IReadOnlyList<IClientConnection>> WaitForAsync(int wanted, HashSet<ClientInfo> without, CancellationToken cancellation)
    {
        while (true)
        {
            var changed = Registry.Changed;
            IReadOnlyList<IClientConnection> clients = [.. Registry.Snapshot().Where(client => !without.Contains(client.Info))];
            if (clients.Count >= wanted) return clients;
            Log.Waiting(wanted - clients.Count, clients.Count, wanted, string.Join(", ", clients.Select(client => client.Info.Name)));
            await changed.WaitAsync(Options.WaitingInterval, Options.TimeProvider, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks one client; a result that passes the check goes to <paramref name="accept"/>, what is wrong with another is returned.</summary>
    protected async Task<ClientFailure?> AskAsync<TInstructions, TResult>(
        string phase, ClientTask<TInstructions> task, Func<TResult, Refusal?> check, Func<TResult, Task> accept,
        Func<TResult, (long Examples, string Loss)> report, int round, long start, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        Instruction instruction = task.Instructions;
        var answer = Registry.Find(task.Client) is { } client
            ? await AskAsync(client, instruction with { Round = round }, cancellation).ConfigureAwait(false)
            : Answer.Failed(FailureReason.Disconnected, "left before the round began");
        var seconds = Options.TimeProvider.GetElapsedTime(start).TotalSeconds;
        if (Verdict(answer, check, out var result) is { } refusal)
        {
            Log.ClientFailed(phase, task.Client.Name, refusal.Reason, refusal.Message, answer.Bytes, seconds);
            return new(task.Client, refusal.Reason, refusal.Message);
        }
        await accept(result!).ConfigureAwait(false);
        var (examples, loss) = report(result!);
        Log.ClientDone(phase, task.Client.Name, examples, loss, answer.Bytes, seconds);
        return null;
    }

    /// <summary>Asks one client within the round's timeout; a client that takes longer loses its stream.</summary>
    private async Task<Answer> AskAsync(IClientConnection client, Instruction instruction, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(Config.RoundTimeout ?? Timeout.InfiniteTimeSpan, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            return await client.AskAsync(instruction, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            var message = FormattableString.Invariant($"Timeout of {Config.RoundTimeout!.Value.TotalSeconds:0.0##} sec was exceeded.");
            client.Abort(message);
            Registry.Leave(client, message);
            return Answer.Failed(FailureReason.TimedOut, message);
        }
    }

    /// <summary>Notes what the clients' evaluations of a round's model say together.</summary>
    protected void Record(History history, RoundState state, IReadOnlyList<ClientEvaluation> reports, IReadOnlyList<ClientFailure> failures)
    {
        if (!Counts(state.Round, reports.Count, failures)) return;
        if (strategy.AggregateEvaluate(state, reports, failures) is not { } loss) return;
        var metrics = Combine(
            "evaluate", strategy.EvaluateMetricsAggregation, [.. reports.Select(report => new ClientMetrics(report.NumExamples, report.Metrics))]);
        history.AddDistributed(state.Round, loss);
        history.AddDistributed(state.Round, metrics);
        Log.Distributed(state.Round, Config.NumRounds, loss, Shown(metrics));
    }

    /// <summary>Makes the round's results the next model, when they are enough and the strategy makes one of them.</summary>
    protected void Record(
        History history, int round, FitAggregation aggregation, IReadOnlyList<ClientMetrics> reports, IReadOnlyList<ClientFailure> failures)
    {
        var (refused, clipped) = Filter.EndRound();
        history.AddLimited(round, refused, clipped);
        if (!Counts(round, reports.Count, failures)) return;
        // The clients' models are dropped: the next one goes where they were.
        BlockPool.Shared.Reclaim();
        if (Door.Take(aggregation.Complete(failures)) is { } next) history.FinalParameters = next;
        else Log.Dropped(round, "the strategy made no new one");
        history.AddFit(round, Combine("fit", strategy.FitMetricsAggregation, reports));
    }

    private async Task SayGoodbyeAsync(CancellationToken cancellation)
    {
        Registry.Close();
        using var timer = new CancellationTokenSource(GoodbyeTime, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        var goodbye = new ReconnectInstructions(0);
        Task all = Task.WhenAll(Registry.Snapshot().Select(client => client.AskAsync(goodbye, either.Token)));
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
        if (why is not null) Log.Dropped(round, why);
        return why is null;
    }

    private IReadOnlyDictionary<string, Scalar> Combine(string phase, MetricsAggregation? aggregation, IReadOnlyList<ClientMetrics> clients)
    {
        if (aggregation is not null) return aggregation(clients);
        var names = clients.SelectMany(client => client.Values.Keys).Distinct().Order(StringComparer.Ordinal);
        if (string.Join(", ", names) is { Length: > 0 } dropped) Log.MetricsDropped(phase, dropped);
        return Metrics.None;
    }

    protected static string LossIn(IReadOnlyDictionary<string, Scalar> metrics) =>
        (metrics.TryGetValue("loss", out var loss) || metrics.TryGetValue("train_loss", out loss)) && loss.IsNumber
            ? Shown(loss.AsDouble())
            : "not given";

    protected static string Shown(double value) => FormattableString.Invariant($"{value:G6}");

    private static string Shown(IReadOnlyDictionary<string, Scalar> metrics) => string.Concat(
        metrics.Where(pair => pair.Value.IsNumber).Select(pair => FormattableString.Invariant($", {pair.Key} {pair.Value.AsDouble():G6}")));
}
