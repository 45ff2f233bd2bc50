namespace ManagedFed.Federation;

/// <summary>A client and what it is to do.</summary>
/// <typeparam name="TInstructions">The kind of work.</typeparam>
/// <param name="Client">The client.</param>
/// <param name="Instructions">The work.</param>
public sealed record ClientTask<TInstructions>(ClientInfo Client, TInstructions Instructions) where TInstructions : Instruction;

/// <summary>A loss and metrics measured on the server.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Metrics">Further values.</param>
public sealed record CentralEvaluation(double Loss, IReadOnlyDictionary<string, Scalar>? Metrics = null);

/// <summary>What one client's evaluation gave.</summary>
/// <param name="Client">The client.</param>
/// <param name="Loss">Its loss.</param>
/// <param name="NumExamples">The weight.</param>
/// <param name="Metrics">Its metrics.</param>
public sealed record ClientEvaluation(ClientInfo Client, double Loss, long NumExamples, IReadOnlyDictionary<string, Scalar> Metrics);

/// <summary>Decides who works in a round, on what, and what becomes of the answers.</summary>
/// <remarks>
/// A strategy of one's own overrides <see cref="AggregateFit"/> and, where clients are to be chosen or instructed otherwise,
/// <see cref="ConfigureFit"/>. Defaults are Flower's. Samples have max(⌊available·fraction⌋, minimum) clients.
/// </remarks>
public abstract class Strategy
{
    /// <summary>The part of the available clients that train in a round, 0 to 1. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double FractionFit
    {
        get;
        init => field = Interval.Unit.Check("strategy", nameof(FractionFit), value);
    } = 1;

    /// <summary>The part of the available clients that evaluate in a round, 0 to 1; 0 leaves evaluation out. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double FractionEvaluate
    {
        get;
        init => field = Interval.Unit.Check("strategy", nameof(FractionEvaluate), value);
    } = 1;

    /// <summary>The fewest clients that train in a round. Default 2. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinFitClients
    {
        get;
        init => field = Interval.Counts.Check("strategy", nameof(MinFitClients), value);
    } = 2;

    /// <summary>The fewest clients that evaluate in a round. Default 2. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinEvaluateClients
    {
        get;
        init => field = Interval.Counts.Check("strategy", nameof(MinEvaluateClients), value);
    } = 2;

    /// <summary>The fewest connected clients a round starts with. Default 2. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinAvailableClients
    {
        get;
        init => field = Interval.Counts.Check("strategy", nameof(MinAvailableClients), value);
    } = 2;

    /// <summary>The fewest accepted results that make a new model; with fewer the round changes nothing. Default 1. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinResults
    {
        get;
        init => field = Interval.Counts.Check("strategy", nameof(MinResults), value);
    } = 1;

    /// <summary>When false, one failure or refused update makes the round change nothing. Default true.</summary>
    public bool AcceptFailures { get; init; } = true;

    /// <summary>The most examples one client may claim, so that none can outweigh all others. Default 10⁹. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxExamplesPerClient
    {
        get;
        init => field = Interval.Counts.Check("strategy", nameof(MaxExamplesPerClient), value);
    } = 1_000_000_000;

    /// <summary>The model to start from; without one, a random client is asked for its own.</summary>
    public Parameters? InitialParameters { get; init; }

    /// <summary>Measures a model on the server before round 1 (as round 0) and after each round; null leaves the round out.</summary>
    public Func<int, IReadOnlyList<NdArray>, CentralEvaluation?>? EvaluateFunction { get; init; }

    /// <summary>Gives the config for a round's training, by round number from 1.</summary>
    public Func<int, IReadOnlyDictionary<string, Scalar>>? OnFitConfig { get; init; }

    /// <summary>Gives the config for a round's evaluation, by round number from 1.</summary>
    public Func<int, IReadOnlyDictionary<string, Scalar>>? OnEvaluateConfig { get; init; }

    /// <summary>Combines the metrics of training; without it they are dropped.</summary>
    public MetricsAggregation? FitMetricsAggregation { get; init; }

    /// <summary>Combines the metrics of evaluation; without it they are dropped.</summary>
    public MetricsAggregation? EvaluateMetricsAggregation { get; init; }

    /// <summary>Chooses the clients that train and what each is given; by default a random sample and the same for all.</summary>
    public virtual IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var instructions = new FitInstructions(state.Parameters, FitConfig(state.Round));
        var clients = state.Sample(SampleSize(state, FractionFit, MinFitClients));
        return [.. clients.Select(client => new ClientTask<FitInstructions>(client, instructions))];
    }

    /// <summary>The config for a round's training, by round number from 1: what <see cref="OnFitConfig"/> gives.</summary>
    protected virtual IReadOnlyDictionary<string, Scalar> FitConfig(int round) => OnFitConfig?.Invoke(round) ?? Metrics.None;

    /// <summary>Begins the aggregation of one round's trained models.</summary>
    public abstract FitAggregation AggregateFit(RoundState state);

    /// <summary>Chooses the clients that evaluate and what each is given; by default a random sample and the same for all.</summary>
    public virtual IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var instructions = new EvaluateInstructions(state.Parameters, OnEvaluateConfig?.Invoke(state.Round) ?? Metrics.None);
        var clients = state.Sample(SampleSize(state, FractionEvaluate, MinEvaluateClients));
        return [.. clients.Select(client => new ClientTask<EvaluateInstructions>(client, instructions))];
    }

    /// <summary>The loss of a round: Σ nₖ·lossₖ / Σ nₖ by default; null when it has none.</summary>
    /// <param name="state">The round.</param>
    /// <param name="evaluations">The accepted results, in the order of the tasks; never empty.</param>
    /// <param name="failures">The clients whose result did not come or was refused.</param>
    public virtual double? AggregateEvaluate(
        RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        return evaluations.Sum(client => client.NumExamples * client.Loss) / evaluations.Sum(client => (double)client.NumExamples);
    }

    /// <summary>Says what is wrong with a client's model before it is aggregated; null lets it in.</summary>
    /// <remarks>By default: tensors like the global model's, all finite, and 1 to <see cref="MaxExamplesPerClient"/> examples.</remarks>
    public virtual Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient) ?? UpdateCheck.Tensors(result.Parameters, state.Parameters);
    }

    /// <summary>Says what is wrong with a client's evaluation before it is aggregated; null lets it in.</summary>
    /// <remarks>By default: a finite loss, and 1 to <see cref="MaxExamplesPerClient"/> examples.</remarks>
    public virtual Refusal? Check(RoundState state, EvaluateResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient) ?? UpdateCheck.Loss(result.Loss);
    }

    private static int SampleSize(RoundState state, double fraction, int minimum) =>
        Math.Max((int)(state.Clients.Count * fraction), minimum);
}
