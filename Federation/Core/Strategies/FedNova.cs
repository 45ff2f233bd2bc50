namespace ManagedFed.Federation;

/// <summary>
/// Normalised averaging of clients that take different numbers of steps (Wang et al. 2020, arXiv:2007.07481): with pₖ = nₖ / Σ n
/// and τₖ the steps of client k, w ← w − τ_eff·Σ pₖ·(w − wₖ) / τₖ, τ_eff = Σ pₖ·τₖ.
/// </summary>
/// <remarks>
/// A client reports τₖ as the metric <see cref="StepsKey"/> of its training: the number of its steps for plain SGD, ‖aₖ‖₁ with
/// momentum or a proximal term. It is asked to by <see cref="ReportKey"/> in the config; <see cref="ModuleClient"/> does it by itself,
/// see <see cref="Nn.Optimizer.EffectiveSteps"/>. A client that does not, or claims fewer than 10⁻³ or more than 10⁹, is refused. Steps claimed
/// are a weight: those beyond 100 times the round's median, or below a hundredth of it, count as that. Statistics and integer tensors have
/// no steps: they become the clients' mean, see <see cref="ParameterSchema"/>.
/// </remarks>
public sealed class FedNova : Strategy
{
    /// <summary>The metric under which clients report τₖ.</summary>
    public const string StepsKey = "num_steps";

    /// <summary>The name in the config of training, with the value true, that asks for <see cref="StepsKey"/>.</summary>
    public const string ReportKey = "report_num_steps";

    private const double FewestSteps = 1e-3, MostSteps = 1e9, MostOfMedian = 100;

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, Scalar> FitConfig(RoundState state) =>
        new Dictionary<string, Scalar>(base.FitConfig(state)) { [ReportKey] = true }.AsReadOnly();

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (base.Check(state, result) is { } refusal) return refusal;
        return UpdateCheck.Metric(StepsKey, result.Metrics.TryGetValue(StepsKey, out var steps) && steps.IsNumber ? steps.AsDouble() : null, FewestSteps, MostSteps);
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return StatisticsApart.Of(state, part => new Cohort(part, Combine));
    }

    /// <summary>w·(1 − Σ cₖ) + Σ cₖ·wₖ with cₖ = τ_eff·pₖ / τₖ.</summary>
    private static Parameters Combine(RoundState state, IReadOnlyList<FitResult> results)
    {
        var total = results.Sum(result => (double)result.NumExamples);
        double[] shares = [.. results.Select(result => result.NumExamples / total)];
        double[] claimed = [.. results.Select(result => result.Metrics[StepsKey].AsDouble())];
        var median = claimed.Order().ElementAt((claimed.Length - 1) / 2);
        double[] steps = [.. claimed.Select(step => Math.Clamp(step, median / MostOfMedian, median * MostOfMedian))];
        var effective = shares.Zip(steps, (share, step) => share * step).Sum();
        double[] clients = [.. shares.Zip(steps, (share, step) => effective * share / step)];
        return Columns.Map(
            [state.Parameters.Arrays, .. results.Select(result => result.Parameters.Arrays)], WeightedColumns.Mean([1 - clients.Sum(), .. clients]));
    }
}
