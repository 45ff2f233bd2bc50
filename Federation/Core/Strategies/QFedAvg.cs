namespace ManagedFed.Federation;

/// <summary>
/// Fairer averaging, which leans to the clients with the highest loss Fₖ (Li et al. 2019, arXiv:1905.10497): with
/// gₖ = (w − wₖ) / η, Δₖ = Fₖ^q·gₖ and hₖ = q·Fₖ^(q−1)·‖gₖ‖² + Fₖ^q / η, w ← w − Σ Δₖ / Σ hₖ.
/// </summary>
/// <remarks>
/// Fₖ is the metric <c>loss</c> of the client's training; where a client sends none, the loss of the global model that
/// <see cref="Strategy.EvaluateFunction"/> measures, which is all that Flower uses. Losses below 1e-10 count as that.
/// </remarks>
public sealed class QFedAvg : Strategy
{
    private const double LeastLoss = 1e-10;

    /// <summary>A strategy that starts with a single client, as Flower's.</summary>
    public QFedAvg() => MinFitClients = MinEvaluateClients = MinAvailableClients = 1;

    /// <summary>The fairness q, at least 0; with 0 all clients weigh the same. Default 0.2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double Q
    {
        get;
        init => field = Interval.NotNegative.Check("QFedAvg", nameof(Q), value);
    } = 0.2;

    /// <summary>The clients' learning rate η, above 0. Default 0.1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double LearningRate
    {
        get;
        init => field = Interval.Positive.Check("QFedAvg", nameof(LearningRate), value);
    } = 0.1;

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, Combine);
    }

    private Parameters Combine(RoundState state, IReadOnlyList<FitResult> results)
    {
        double? global = null;
        double[] losses = [.. results.Select(result => Math.Max(LeastLoss, Loss(result)))];
        IReadOnlyList<NdArray>[] models = [state.Parameters.Arrays, .. results.Select(result => result.Parameters.Arrays)];
        // The distances to a mean that has all its weight on the global model.
        var squares = Columns.Sum(models, models.Length, WeightedColumns.SquaredDistances([1, .. new double[results.Count]]));
        double[] powers = [.. losses.Select(loss => Math.Pow(loss, Q))];
        var h = losses.Select((loss, k) => Q * Math.Pow(loss, Q - 1) * squares[k + 1] / (LearningRate * LearningRate) + powers[k] / LearningRate).Sum();
        double[] clients = [.. powers.Select(power => power / LearningRate / h)];
        return Columns.Map(models, WeightedColumns.Mean([1 - clients.Sum(), .. clients]));

        double Loss(FitResult result) => result.Metrics.TryGetValue("loss", out var loss) && loss.IsNumber
            ? loss.AsDouble()
            : global ??= EvaluateFunction?.Invoke(state.Round, state.Parameters.Arrays)?.Loss ?? throw new InvalidOperationException(
                "[QFedAvg] a client sent no metric 'loss' and there is no loss of the global model; set EvaluateFunction or report 'loss'");
    }
}
