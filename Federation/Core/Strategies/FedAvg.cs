namespace ManagedFed.Federation;

/// <summary>
/// Federated averaging (McMahan et al. 2016, arXiv:1602.05629): the next model is Σ nₖ·wₖ / Σ nₖ over the round's clients.
/// </summary>
/// <remarks>
/// The sum is exact and each element is rounded once to its type, so the result depends on the clients' models alone, not on
/// the order they arrive in. Integer tensors are averaged and rounded half to even, where Flower's default writes zeros.
/// </remarks>
/// <example><c>new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage }</c></example>
public class FedAvg : Strategy
{
    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new WeightedMean(state.Parameters.Arrays);
    }
}
