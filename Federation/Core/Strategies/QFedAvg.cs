namespace ManagedFed.Federation;

/// <summary>
/// Fairer averaging, which leans to the clients with the highest loss Fₖ (Li et al. 2019, arXiv:1905.10497): with
/// gₖ = (w − wₖ) / η, Δₖ = Fₖ^q·gₖ and hₖ = q·Fₖ^(q−1)·‖gₖ‖² + Fₖ^q / η, w ← w − Σ Δₖ / Σ hₖ.
/// </summary>
/// <remarks>
/// Fₖ is the metric <c>loss</c> or <c>train_loss</c> of the client's training; where a client sends none, the loss of the global model that
/// <see cref="Strategy.EvaluateFunction"/> measures, which is all that Flower uses. A client without a loss is refused when there is no such
/// function, and so is one whose loss is negative, not finite or above 10¹². A loss claimed is a weight: losses above 10 times the round's
/// median, or below a hundredth of it, count as that, and none as less than 1e-10. Statistics and integer tensors become the clients' mean.
/// </remarks>
public sealed class QFedAvg : Strategy
{
    private const double LeastLoss = 1e-10, MostLoss = 1e12, MostOfMedian = 10, LeastOfMedian = 0.01;

    private const string Hint = "set EvaluateFunction or report 'loss'";

    /// <summary>A strategy that starts with a single client, as Flower's.</summary>
    public QFedAvg() => MinFitClients = MinEvaluateClients = MinAvailableClients = 1;

    /// <summary>The fairness q, at least 0; with 0 all clients weigh the same. Default 0.2.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double Q { get; init => field = Interval.NotNegative.Check(Named, nameof(Q), value); } = 0.2;

    /// <summary>The clients' learning rate η, above 0. Default 0.1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double LearningRate { get; init => field = Interval.Positive.Check(Named, nameof(LearningRate), value); } = 0.1;

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"Q = {Q}, LearningRate = {LearningRate}");

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (base.Check(state, result) is { } refusal) return refusal;
        if (Metrics.LossIn(result.Metrics) is { } loss) return UpdateCheck.Metric("loss", loss, 0, MostLoss);
        return EvaluateFunction is not null ? null : new(FailureReason.Metric, $"metrics loss and train_loss are missing; {Hint}");
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var global = new Lazy<double>(() => EvaluateFunction?.Invoke(state.Round, state.Parameters.Arrays)?.Loss is { } loss && double.IsFinite(loss)
            ? loss
            : throw new InvalidOperationException($"[QFedAvg] a client sent no loss and EvaluateFunction gives none for round {state.Round}; {Hint}"));
        return StatisticsApart.Of(state, part => new Cohort(part, (part, results) => Combine(part, results, global)));
    }

    private Parameters Combine(RoundState state, IReadOnlyList<FitResult> results, Lazy<double> global)
    {
        double[] claimed = [.. results.Select(result => Math.Max(LeastLoss, Metrics.LossIn(result.Metrics) ?? global.Value))];
        var median = claimed.Order().ElementAt((claimed.Length - 1) / 2);
        double[] losses = [.. claimed.Select(loss => Math.Clamp(loss, LeastOfMedian * median, MostOfMedian * median))];
        IReadOnlyList<NdArray>[] models = [state.Parameters.Arrays, .. results.Select(result => result.Parameters.Arrays)];
        // The distances to a mean that has all its weight on the global model.
        var squares = Columns.Sum(models, models.Length, WeightedColumns.SquaredDistances([1, .. new double[results.Count]]));
        // Divided by the largest loss, which changes nothing and keeps high powers in range.
        var largest = losses.Max();
        double[] powers = [.. losses.Select(loss => Math.Pow(loss / largest, Q))];
        var h = losses.Select((loss, k) => Q * powers[k] / loss * squares[k + 1] / (LearningRate * LearningRate) + powers[k] / LearningRate).Sum();
        double[] clients = [.. powers.Select(power => power / LearningRate / h)];
        return Columns.Map(models, WeightedColumns.Mean([1 - clients.Sum(), .. clients]));
    }
}
