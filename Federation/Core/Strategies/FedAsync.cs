namespace ManagedFed.Federation;

/// <summary>
/// Asynchronous federated optimization (Xie et al. 2019, arXiv:1903.03934): each update y is mixed into the model as it comes,
/// w ← (1 − α·s(τ))·w + α·s(τ)·y.
/// </summary>
/// <remarks>
/// The result lies between the two, so that statistics such as running variances stay sound. The paper's clients minimise their loss plus ρ/2·‖w_local − w‖², as those of <see cref="FedProx"/> do: give
/// <c>proximal_mu</c> in <see cref="Strategy.OnFitConfig"/>. Results are worked in double precision and rounded once; those of
/// integer tensors half to even, bool tensors take the side of the larger weight (false on a tie).
/// </remarks>
/// <example><c>new FedAsync { Alpha = 0.6, Staleness = StalenessWeight.Hinge(10, 4) }</c></example>
public sealed class FedAsync : AsyncStrategy
{
    /// <summary>The weight α of a fresh update, above 0 and at most 1. Default 0.6.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in that range.</exception>
    public double Alpha
    {
        get;
        init => field = value is > 0 and <= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), $"[FedAsync] Alpha is {value}, expected above 0 and at most 1");
    } = 0.6;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"Alpha = {Alpha}, {base.Settings}");

    /// <summary>The weight s(τ) of an update's age, 0 to 1. Default: (1 + τ)^−½.</summary>
    public Func<int, double> Staleness { get; init; } = StalenessWeight.Polynomial();

    /// <inheritdoc/>
    public override int UpdatesPerStep => 1;

    /// <inheritdoc/>
    public override AsyncAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Mix(this, state);
    }

    private sealed class Mix(FedAsync strategy, RoundState state) : AsyncAggregation(state)
    {
        private readonly RoundState state = state;
        private Parameters? mixed;

        public override void Add(FitResult result, Parameters given, int staleness)
        {
            var weight = strategy.Alpha * StalenessWeight.Of(strategy.Staleness, staleness, strategy.Named);
            mixed = Columns.Map([(mixed ?? state.Parameters).Arrays, result.Parameters.Arrays], WeightedColumns.Mean([1 - weight, weight]));
        }

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) => mixed;
    }
}
