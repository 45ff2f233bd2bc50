using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A strategy whose updates and steps are held to <see cref="UpdateLimits"/>; every run has it around its own.</summary>
/// <remarks>The usual norms that the limits follow are remembered as <c>zeroing</c> and <c>clipping</c>.</remarks>
internal sealed class LimitingStrategy(Strategy inner, UpdateLimits limits, ILogger log) : DelegatingStrategy(inner)
{
    /// <summary>What passes between the run and the inner strategy; limits look at the run's own model.</summary>
    public StrategyDoor Door { get; } = new(inner);

    public override FitAggregation AggregateFit(RoundState state) => new Limited(base.AggregateFit(Door.Show(state)), state, Limits(this, limits, state, log));

    /// <summary>The limits of a round of a strategy.</summary>
    public static RoundLimits Limits(Strategy strategy, UpdateLimits limits, RoundState state, ILogger log) =>
        new(limits, state, limit => strategy.Reach(limit, Updates.Elements(state.Parameters)), log);

    private sealed class Limited(FitAggregation inner, RoundState state, RoundLimits limits) : DelegatingAggregation(inner)
    {
        private string? problem;

        internal override int Clipped => limits.Clipped;

        internal override string? Problem => problem ?? base.Problem;

        public override Refusal? Check(RoundState given, FitResult result) => base.Check(given, result) ?? limits.Check(given.Parameters, result);

        public override void Add(int place, FitResult result) => base.Add(place, limits.Clip(state.Parameters, result));

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures)
        {
            if (base.Complete(failures) is not { } next) return null;
            problem = limits.Problem(next.Parameters);
            return problem is null ? next with { State = limits.Next(next.State ?? state.Strategy) } : null;
        }

        public override StrategyState? Abandon() => limits.Next(base.Abandon() ?? state.Strategy);
    }
}

/// <summary>The same around a strategy without rounds.</summary>
internal sealed class LimitingAsyncStrategy(AsyncStrategy inner, UpdateLimits limits, ILogger log) : AsyncStrategy(inner)
{
    private readonly AsyncStrategy inner = inner;

    /// <inheritdoc cref="LimitingStrategy.Door"/>
    public StrategyDoor Door { get; } = new(inner);

    public override int UpdatesPerStep => inner.UpdatesPerStep;

    internal override bool MovesParameters => inner.MovesParameters;

    protected override string Settings => $"Inner = {inner}";

    public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state) => inner.ConfigureFit(DelegatingStrategy.Nested(state));

    public override AsyncAggregation AggregateFit(RoundState state) =>
        new Limited(inner.AggregateFit(DelegatingStrategy.Nested(Door.Show(state))), state, LimitingStrategy.Limits(this, limits, state, log));

    public override IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state) => inner.ConfigureEvaluate(DelegatingStrategy.Nested(state));

    public override double? AggregateEvaluate(
        RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures) =>
        inner.AggregateEvaluate(DelegatingStrategy.Nested(state), evaluations, failures);

    public override Refusal? Check(RoundState state, FitResult result) => inner.Check(DelegatingStrategy.Nested(state), result);

    public override Refusal? Check(RoundState state, EvaluateResult result) => inner.Check(DelegatingStrategy.Nested(state), result);

    internal override double Reach(double limit, long elements) => inner.Reach(limit, elements);

    private sealed class Limited(AsyncAggregation inner, RoundState state, RoundLimits limits) : AsyncAggregation(state)
    {
        private readonly RoundState state = state;
        private string? problem;

        internal override int Clipped => limits.Clipped;

        internal override string? Problem => problem ?? inner.Problem;

        public override Refusal? Check(RoundState given, FitResult result) => inner.Check(given, result) ?? limits.Check(given.Parameters, result);

        public override void Add(FitResult result, Parameters given, int staleness) => inner.Add(limits.Clip(given, result), given, staleness);

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures)
        {
            if (inner.Complete(failures) is not { } next) return null;
            problem = limits.Problem(next.Parameters);
            return problem is null ? next with { State = limits.Next(DelegatingStrategy.Nest(state.Strategy, next.State)) } : null;
        }

        public override StrategyState? Abandon() => limits.Next(DelegatingStrategy.Nest(state.Strategy, inner.Abandon()));
    }
}
