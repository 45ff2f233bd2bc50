using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What a run's chance is for; each purpose has numbers of its own.</summary>
internal enum Purpose : uint
{
    Initial = 1,
    Fit,
    Evaluate,
    Ask,
}

/// <summary>What every run of a server does: initial parameters, training in some order, and goodbye.</summary>
internal abstract partial class ServerLoop
{
    /// <summary>How long a client may take to leave when asked to; most close their stream at once, without a word.</summary>
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(1);

    private RandomKey key;
    private readonly ReplyCast caster;
    private ParameterSchema? schema;
    private Exception? thrown;

    protected ServerLoop(ServerConfig config, Strategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    {
        Strategy = strategy;
        Config = config;
        LastRound = config.NumRounds;
        Registry = registry;
        Options = options;
        Log = log;
        Door = strategy is LimitingAsyncStrategy async ? async.Door : ((LimitingStrategy)strategy).Door;
        caster = new(log);
        key = RandomKey.FromSeed(options.Seed is { } seed ? (ulong)seed : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
    }

    protected ServerConfig Config { get; }

    protected IClientPopulation Registry { get; }

    protected FederationOptions Options { get; }

    protected ILogger Log { get; }

    /// <summary>The run's strategy within the limits that every run has.</summary>
    protected Strategy Strategy { get; }

    /// <summary>What passes between the run and its Strategy.</summary>
    protected StrategyDoor Door { get; }

    /// <summary>The loop that the strategy asks for.</summary>
    /// <exception cref="ArgumentException">The strategy works without rounds, and what steers rounds is set.</exception>
    public static ServerLoop Create(ServerConfig config, Strategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    {
        if (strategy is not AsyncStrategy async) return new RoundLoop(config, strategy, registry, options, log);
        var set = config.RoundDeadline is not null ? nameof(config.RoundDeadline)
            : new[] { strategy.FitSelection, strategy.EvaluateSelection }.Select(selection =>
                selection.Criterion is not null ? nameof(Selection.Criterion) : selection.OverSelection > 1 ? nameof(Selection.OverSelection) : null).FirstOrDefault(name => name is not null);
        return set is null
            ? new AsyncLoop(config, new(async, options.UpdateLimits, log), registry, options, log)
            : throw new ArgumentException($"[server] {set} is set, and {strategy.GetType().Name} works without rounds; expected a strategy with rounds", nameof(strategy));
    }

    public async Task<History> RunAsync(CancellationToken cancellation)
    {
        Log.Starting(Config.NumRounds, Config.RoundTimeout?.ToString() ?? "none");
        using var kept = Options.RunStore?.Open(Log);
        stored = kept;
        var history = Resumed() ?? await BeginAsync(cancellation).ConfigureAwait(false);
        var before = history.Elapsed;
        var start = Options.TimeProvider.GetTimestamp();
        try
        {
            await TrainAsync(history, cancellation).ConfigureAwait(false);
            await KeepReportsAsync(history, cancellation).ConfigureAwait(false);
        }
        catch (FederationException exception)
        {
            await SayGoodbyeAsync(cancellation).ConfigureAwait(false);
            throw new FederationException(exception.Message) { History = history };
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new RunCanceledException(history, cancellation);
        }
        history.Elapsed = before + Options.TimeProvider.GetElapsedTime(start);
        Log.Finished(Config.NumRounds, history.Elapsed.TotalSeconds);
        await SayGoodbyeAsync(cancellation).ConfigureAwait(false);
        return trained || Config.AllowUntrained || Config.NumRounds == 0 ? history : throw new FederationException(Untrained(history), thrown) { History = history };
    }

    private async Task<History> BeginAsync(CancellationToken cancellation)
    {
        var parameters = await InitialAsync(cancellation).ConfigureAwait(false);
        schema = await SchemaAsync(parameters, cancellation).ConfigureAwait(false);
        var history = new History(Named(parameters));
        EvaluateCentrally(0, history);
        await KeepStateAsync(0, history, cancellation).ConfigureAwait(false);
        return history;
    }

    /// <summary>Trains and evaluates until all rounds are done.</summary>
    protected abstract Task TrainAsync(History history, CancellationToken cancellation);

    /// <summary>Ends a round: what the next one depends on is kept, and whoever watches is told; true when the run is to end.</summary>
    /// <param name="round">The round.</param>
    /// <param name="history">What was measured.</param>
    /// <param name="start">When the round began.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <param name="oldest">The oldest round whose model is still trained from.</param>
    /// <param name="asked">What is still trained, where updates count in order.</param>
    protected async Task<bool> EndRoundAsync(
        int round, History history, long start, CancellationToken cancellation, int oldest = int.MaxValue, IReadOnlyList<StoredQuestion>? asked = null)
    {
        history.AddElapsed(round, Options.TimeProvider.GetElapsedTime(start));
        await KeepStateAsync(round, history, cancellation, oldest, asked).ConfigureAwait(false);
        if (Options.OnRound is { } watch) await watch(history.Report(round), history, cancellation).ConfigureAwait(false);
        var stops = IsStopped(round, history);
        if (Options.Checkpoint is { } checkpoint && (stops || round == Config.NumRounds || round % checkpoint.Rounds == 0)) Write(checkpoint, round, history.FinalParameters);
        return stops;
    }

    /// <summary>True when the run is to end early.</summary>
    private bool IsStopped(int round, History history)
    {
        if (round == Config.NumRounds || Options.StopWhen?.Invoke(history) != true) return false;
        Log.Stopped(round, Config.NumRounds);
        return true;
    }

    /// <summary>Writes a model for others; the run does not depend on it.</summary>
    private void Write(CheckpointEvery checkpoint, int round, Parameters model)
    {
        try
        {
            Log.Checkpoint(round, checkpoint.Write(round, runId, model, schema));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.CheckpointFailed(exception, round);
        }
    }

    /// <summary>The chance of a decision, the same for a seed whatever was decided before.</summary>
    protected RandomKey KeyFor(Purpose purpose, int number) => key.Fold((uint)purpose).Fold((uint)number);

    /// <summary>What a Strategy is told of a round.</summary>
    protected RoundState StateOf(int round, Purpose purpose, History history, IReadOnlyList<ClientInfo> clients)
    {
        var state = new RoundState(round, history.FinalParameters, clients, KeyFor(purpose, round)) { Strategy = memory, RunId = runId };
        return schema is null ? state : state with { Schema = schema };
    }

    /// <summary>Waits until enough clients are connected, and says who is there, how many are missing and why others left meanwhile.</summary>
    /// <exception cref="FederationException">They are too few and nobody can join.</exception>
    protected async Task<IReadOnlyList<ClientInfo>> WaitForAsync(int wanted, CancellationToken cancellation)
    {
        while (true)
        {
            var changed = Registry.Changed;
            var clients = Registry.Clients();
            if (clients.Count >= wanted) return clients;
            var names = NameList.Few([.. clients.Select(client => client.Name)]);
            if (Registry.IsClosed)
            {
                throw new FederationException($"[server] {clients.Count} of {wanted} client(s) are left [{names}] and nobody can join{Registry.Departures}");
            }
            Log.Waiting(wanted - clients.Count, clients.Count, wanted, names, Registry.Departures);
            await ChangeAsync(changed, cancellation).ConfigureAwait(false);
        }
    }

    protected async Task ChangeAsync(Task changed, CancellationToken cancellation)
    {
        await changed.WaitAsync(Options.WaitingInterval, Options.TimeProvider, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
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
}
