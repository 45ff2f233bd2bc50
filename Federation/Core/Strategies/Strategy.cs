using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>A client and what it is to do.</summary>
/// <typeparam name="TInstructions">The kind of work.</typeparam>
/// <param name="Client">The client.</param>
/// <param name="Instructions">The work.</param>
public sealed record ClientTask<TInstructions>(ClientInfo Client, TInstructions Instructions) where TInstructions : Instruction;

/// <summary>What one client's evaluation gave.</summary>
/// <param name="Client">The client.</param>
/// <param name="Loss">Its loss.</param>
/// <param name="NumExamples">The weight.</param>
/// <param name="Metrics">Its metrics.</param>
public sealed record ClientEvaluation(ClientInfo Client, double Loss, long NumExamples, IReadOnlyDictionary<string, Scalar> Metrics);

/// <summary>Decides who works in a round, on what, and what becomes of the answers.</summary>
/// <remarks>
/// A strategy of one's own overrides <see cref="AggregateFit"/> and, where clients are to be chosen or instructed otherwise,
/// <see cref="ConfigureFit"/>. Defaults are Flower's, and so are the names of the short settings of its two <see cref="Selection"/>s. A strategy holds
/// settings alone: what it remembers from round to round it is given as <see cref="RoundState.Strategy"/> and gives back with the next
/// model, so that a run can be kept, and one strategy serve several runs.
/// </remarks>
public abstract class Strategy
{
    /// <summary>A strategy with the default settings.</summary>
    protected Strategy()
    {
    }

    /// <summary>A strategy with the settings of another one.</summary>
    private protected Strategy(Strategy inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        FitSelection = inner.FitSelection;
        EvaluateSelection = inner.EvaluateSelection;
        MinResults = inner.MinResults;
        AcceptFailures = inner.AcceptFailures;
        MaxExamplesPerClient = inner.MaxExamplesPerClient;
        MaxExamplesRatio = inner.MaxExamplesRatio;
        Schema = inner.Schema;
        InitialParameters = inner.InitialParameters;
        EvaluateFunction = inner.EvaluateFunction;
        OnFitConfig = inner.OnFitConfig;
        OnEvaluateConfig = inner.OnEvaluateConfig;
        FitMetricsAggregation = inner.FitMetricsAggregation;
        EvaluateMetricsAggregation = inner.EvaluateMetricsAggregation;
    }

    /// <summary>Whom a round asks to train; <see cref="FractionFit"/>, <see cref="MinFitClients"/> and <see cref="MinAvailableClients"/> are short for parts of it.</summary>
    public Selection FitSelection { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = new();

    /// <summary>Whom a round asks to evaluate; <see cref="FractionEvaluate"/>, <see cref="MinEvaluateClients"/> and <see cref="MinAvailableClients"/> are short for parts of it.</summary>
    public Selection EvaluateSelection { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = new();

    /// <summary>The part of the available clients that train in a round, 0 to 1: <see cref="Selection.Fraction"/> of <see cref="FitSelection"/>. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double FractionFit
    {
        get => FitSelection.Fraction;
        init => FitSelection = FitSelection with { Fraction = Interval.Unit.Check(Named, nameof(FractionFit), value) };
    }

    /// <summary>The part of the available clients that evaluate in a round, 0 to 1, of <see cref="EvaluateSelection"/>; 0 leaves evaluation out. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double FractionEvaluate
    {
        get => EvaluateSelection.Fraction;
        init => EvaluateSelection = EvaluateSelection with { Fraction = Interval.Unit.Check(Named, nameof(FractionEvaluate), value) };
    }

    /// <summary>The fewest clients that train in a round, at least 1: <see cref="Selection.MinClients"/> of <see cref="FitSelection"/>. Default 2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinFitClients
    {
        get => FitSelection.MinClients;
        init => FitSelection = FitSelection with { MinClients = Interval.Counts.Check(Named, nameof(MinFitClients), value) };
    }

    /// <summary>The fewest clients that evaluate in a round, at least 1: <see cref="Selection.MinClients"/> of <see cref="EvaluateSelection"/>. Default 2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinEvaluateClients
    {
        get => EvaluateSelection.MinClients;
        init => EvaluateSelection = EvaluateSelection with { MinClients = Interval.Counts.Check(Named, nameof(MinEvaluateClients), value) };
    }

    /// <summary>The fewest connected clients a round starts with, at least 1: <see cref="Selection.MinAvailable"/> of both selections, read from that of training. Default 2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinAvailableClients
    {
        get => FitSelection.MinAvailable;
        init
        {
            FitSelection = FitSelection with { MinAvailable = Interval.Counts.Check(Named, nameof(MinAvailableClients), value) };
            EvaluateSelection = EvaluateSelection with { MinAvailable = value };
        }
    }

    /// <summary>The fewest accepted results that make a new model, at least 1; with fewer the round changes nothing. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinResults { get; init => field = Interval.Counts.Check(Named, nameof(MinResults), value); } = 1;

    /// <summary>When false, one failure or refused update makes the round change nothing. Default true.</summary>
    public bool AcceptFailures { get; init; } = true;

    /// <summary>The most examples one client may claim, at least 1; a result with more is refused. Default 10⁹.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxExamplesPerClient { get; init => field = Interval.Counts.Check(Named, nameof(MaxExamplesPerClient), value); } = 1_000_000_000;

    /// <summary>
    /// How far a claim of examples may exceed the median claim of the round's clients, R ≥ 1, before a client that claims more than all
    /// others together is not believed: it then counts as min(R·median, Σ others), so that no client outweighs all others by a claim alone.
    /// Default 10; 1e9 believes every claim up to <see cref="MaxExamplesPerClient"/>.
    /// </summary>
    /// <remarks>
    /// The median is the lower one of an even number. Claims count in metrics and losses as they count here. Several clients that claim much
    /// together are not noticed: against those choose a strategy that compares models, such as <see cref="FedMedian"/>.
    /// </remarks>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double MaxExamplesRatio
    {
        get;
        init => field = Interval.Counts.Check(Named, nameof(MaxExamplesRatio), value);
    } = 10;

    /// <summary>What the model's arrays are, in wire order; by default see <see cref="ParameterSchema"/>.</summary>
    public ParameterSchema? Schema { get; init; }

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
        var instructions = new FitInstructions(state.Parameters, FitConfig(state));
        var clients = FitSelection.Choose(state);
        return [.. clients.Select(client => new ClientTask<FitInstructions>(client, instructions))];
    }

    /// <summary>The config for a round's training: what <see cref="OnFitConfig"/> gives.</summary>
    protected virtual IReadOnlyDictionary<string, Scalar> FitConfig(RoundState state) =>
        OnFitConfig?.Invoke((state ?? throw new ArgumentNullException(nameof(state))).Round) ?? Metrics.None;

    /// <summary>Begins the aggregation of one round's trained models.</summary>
    public abstract FitAggregation AggregateFit(RoundState state);

    /// <summary>Chooses the clients that evaluate and what each is given; by default a random sample and the same for all.</summary>
    public virtual IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var instructions = new EvaluateInstructions(state.Parameters, OnEvaluateConfig?.Invoke(state.Round) ?? Metrics.None);
        var clients = EvaluateSelection.Choose(state);
        return [.. clients.Select(client => new ClientTask<EvaluateInstructions>(client, instructions))];
    }

    /// <summary>The loss of a round: by default Σ nₖ·lossₖ / Σ nₖ over the clients that report one; null when it has none.</summary>
    /// <param name="state">The round.</param>
    /// <param name="evaluations">The accepted results, in the order of the tasks; never empty.</param>
    /// <param name="failures">The clients whose result did not come or was refused.</param>
    public virtual double? AggregateEvaluate(
        RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ClientEvaluation[] given = [.. evaluations.Where(client => !double.IsNaN(client.Loss))];
        return given.Length == 0 ? null : given.Sum(client => client.NumExamples * client.Loss) / given.Sum(client => (double)client.NumExamples);
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
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient) ?? (result.HasLoss ? UpdateCheck.Loss(result.Loss) : null);
    }

    /// <summary>The name and what is set, in one line.</summary>
    public override string ToString() => Settings.Length == 0 ? $"{Named} {{ {Common} }}" : $"{Named} {{ {Settings}, {Common} }}";

    private string Common => string.Create(
        CultureInfo.InvariantCulture,
        $"FractionFit = {FractionFit}, FractionEvaluate = {FractionEvaluate}, MinFitClients = {MinFitClients}, MinEvaluateClients = {MinEvaluateClients}, MinAvailableClients = {MinAvailableClients}{FitSelection.Extras("Fit")}{EvaluateSelection.Extras("Evaluate")}");

    /// <summary>The settings that are the strategy's own, for people; empty when it has none.</summary>
    protected virtual string Settings => "";

    /// <summary>True when the strategy does more to trainable arrays than to average them, so that it must know which ones these are.</summary>
    internal virtual bool MovesParameters => false;

    /// <summary>How far a step may lead when one client's update may lead so far; an optimizer's own formula may add to it.</summary>
    /// <param name="limit">The most ‖Δ‖₂ of one update.</param>
    /// <param name="elements">The floating elements of the model.</param>
    internal virtual double Reach(double limit, long elements) => limit;

    /// <summary>The name of the strategy, as errors begin with it.</summary>
    private protected string Named => GetType().Name;
}
