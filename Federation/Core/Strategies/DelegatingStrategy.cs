namespace ManagedFed.Federation;

/// <summary>A strategy around another one: every member is the inner strategy's until it is overridden.</summary>
/// <remarks>
/// The settings are the inner strategy's. What it remembers lies below <c>inner</c> in the wrapper's state, so that wrappers stack and a run
/// with them can be kept: a wrapper adds its own to the state of the aggregate that <see cref="AggregateFit"/>'s aggregation gives.
/// </remarks>
/// <example>
/// <code>
/// sealed class CountingRounds(Strategy inner) : DelegatingStrategy(inner)
/// {
///     public override IReadOnlyList&lt;ClientTask&lt;FitInstructions&gt;&gt; ConfigureFit(RoundState state)
///     {
///         Console.WriteLine($"round {state.Round}");
///         return base.ConfigureFit(state);
///     }
/// }
/// </code>
/// </example>
public abstract class DelegatingStrategy : Strategy
{
    private const string Below = "inner";

    /// <summary>A wrapper with the settings of the inner strategy.</summary>
    /// <param name="inner">The strategy that does the work.</param>
    /// <exception cref="ArgumentException">The inner strategy works without rounds.</exception>
    protected DelegatingStrategy(Strategy inner) : base(inner)
    {
        if (inner is AsyncStrategy) throw new ArgumentException($"[{Named}] {inner.GetType().Name} works without rounds, expected a strategy with rounds", nameof(inner));
        Inner = inner;
    }

    /// <summary>The strategy that does the work.</summary>
    protected internal Strategy Inner { get; }

    internal override bool MovesParameters => Inner.MovesParameters;

    /// <inheritdoc/>
    protected override string Settings => $"Inner = {Inner}";

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state) => Inner.ConfigureFit(Nested(state));

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Nesting(Inner.AggregateFit(Nested(state)), state.Strategy);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state) => Inner.ConfigureEvaluate(Nested(state));

    /// <inheritdoc/>
    public override double? AggregateEvaluate(
        RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures) =>
        Inner.AggregateEvaluate(Nested(state), evaluations, failures);

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result) => Inner.Check(Nested(state), result);

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, EvaluateResult result) => Inner.Check(Nested(state), result);

    internal override double Reach(double limit, long elements) => Inner.Reach(limit, elements);

    /// <summary>The round as the inner strategy sees it: with its own part of the state.</summary>
    internal static RoundState Nested(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state with { Strategy = state.Strategy.Part(Below) };
    }

    /// <summary>The state with the inner strategy's new part; null leaves that as it was.</summary>
    internal static StrategyState Nest(StrategyState whole, StrategyState? inner) => inner is null ? whole : whole.Nest(Below, inner);

    private sealed class Nesting(FitAggregation inner, StrategyState whole) : DelegatingAggregation(inner)
    {
        public override Refusal? Check(RoundState state, FitResult result) => base.Check(Nested(state), result);

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
            base.Complete(failures) is { } next ? next with { State = Nest(whole, next.State) } : null;

        public override StrategyState? Abandon() => base.Abandon() is { } state ? Nest(whole, state) : null;
    }
}
