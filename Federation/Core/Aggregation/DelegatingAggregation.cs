namespace ManagedFed.Federation;

/// <summary>An aggregation around another one: every member is the inner one's until it is overridden.</summary>
/// <remarks>The counterpart of <see cref="DelegatingStrategy"/>, whose <see cref="DelegatingStrategy.AggregateFit"/> gives the inner one.</remarks>
/// <param name="inner">The aggregation that does the work.</param>
/// <example>
/// <code>
/// sealed class AllAlike(FitAggregation inner) : DelegatingAggregation(inner)
/// {
///     public override void Add(int place, FitResult result) => base.Add(place, result with { NumExamples = 1 });
/// }
/// </code>
/// </example>
public abstract class DelegatingAggregation(FitAggregation inner) : FitAggregation
{
    private readonly FitAggregation inner = inner ?? throw new ArgumentNullException(nameof(inner));

    internal override int Clipped => inner.Clipped;

    internal override string? Problem => inner.Problem;

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result) => inner.Check(state, result);

    /// <inheritdoc/>
    public override void Add(int place, FitResult result) => inner.Add(place, result);

    /// <inheritdoc/>
    public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) => inner.Complete(failures);

    /// <inheritdoc/>
    public override StrategyState? Abandon() => inner.Abandon();
}
