namespace ManagedFed.Federation;

/// <summary>
/// Federated averaging that changes nothing in a round where too few clients finished: the part
/// results / (results + failures) must be at least the completion rate.
/// </summary>
public sealed class FaultTolerantFedAvg : FedAvg
{
    /// <summary>The least part of a round's clients whose training counts, 0 to 1. Default 0.5.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double MinCompletionRateFit { get; init => field = Interval.Unit.Check(Named, nameof(MinCompletionRateFit), value); } = 0.5;

    /// <summary>The least part of a round's clients whose evaluation counts, 0 to 1. Default 0.5.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double MinCompletionRateEvaluate { get; init => field = Interval.Unit.Check(Named, nameof(MinCompletionRateEvaluate), value); } = 0.5;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant(
        $"MinCompletionRateFit = {MinCompletionRateFit}, MinCompletionRateEvaluate = {MinCompletionRateEvaluate}");

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state) => new IfEnough(base.AggregateFit(state), MinCompletionRateFit);

    /// <inheritdoc/>
    public override double? AggregateEvaluate(
        RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ArgumentNullException.ThrowIfNull(failures);
        return Enough(evaluations.Count, failures.Count, MinCompletionRateEvaluate) ? base.AggregateEvaluate(state, evaluations, failures) : null;
    }

    private static bool Enough(int results, int failures, double rate) => results >= rate * (results + failures);

    private sealed class IfEnough(FitAggregation mean, double rate) : FitAggregation
    {
        private int results;

        public override void Add(int place, FitResult result)
        {
            results++;
            mean.Add(place, result);
        }

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
            Enough(results, failures.Count, rate) ? mean.Complete(failures) : null;
    }
}
