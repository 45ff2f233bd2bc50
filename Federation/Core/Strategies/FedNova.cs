namespace ManagedFed.Federation;

/// <summary>
/// Normalised averaging of clients that take different numbers of steps (Wang et al. 2020, arXiv:2007.07481): with pₖ = nₖ / Σ n
/// and τₖ the steps of client k, w ← w − τ_eff·Σ pₖ·(w − wₖ) / τₖ, τ_eff = Σ pₖ·τₖ.
/// </summary>
/// <remarks>
/// A client reports τₖ as the metric <see cref="StepsKey"/> of its training: the number of its steps for plain SGD, ‖aₖ‖₁ with
/// momentum or a proximal term. It is asked to by <see cref="ReportKey"/> in the config; <see cref="ModuleClient"/> does it by itself,
/// see <see cref="Nn.Optimizer.EffectiveSteps"/>. A client that does not is refused.
/// </remarks>
public sealed class FedNova : Strategy
{
    /// <summary>The metric under which clients report τₖ.</summary>
    public const string StepsKey = "num_steps";

    /// <summary>The name in the config of training, with the value true, that asks for <see cref="StepsKey"/>.</summary>
    public const string ReportKey = "report_num_steps";

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, Scalar> FitConfig(int round) =>
        new Dictionary<string, Scalar>(base.FitConfig(round)) { [ReportKey] = true }.AsReadOnly();

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (base.Check(state, result) is { } refusal) return refusal;
        return result.Metrics.TryGetValue(StepsKey, out var steps) && steps.IsNumber && steps.AsDouble() is > 0 and < 1e12
            ? null
            : new(FailureReason.Unexpected, $"metric {StepsKey} is {(result.Metrics.ContainsKey(StepsKey) ? steps : "missing")}, expected a number above 0");
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, Combine);
    }

    /// <summary>w·(1 − Σ cₖ) + Σ cₖ·wₖ with cₖ = τ_eff·pₖ / τₖ.</summary>
    private static Parameters Combine(RoundState state, IReadOnlyList<FitResult> results)
    {
        var total = results.Sum(result => (double)result.NumExamples);
        double[] shares = [.. results.Select(result => result.NumExamples / total)];
        double[] steps = [.. results.Select(result => result.Metrics[StepsKey].AsDouble())];
        var effective = shares.Zip(steps, (share, step) => share * step).Sum();
        double[] clients = [.. shares.Zip(steps, (share, step) => effective * share / step)];
        return Columns.Map(
            [state.Parameters.Arrays, .. results.Select(result => result.Parameters.Arrays)], WeightedColumns.Mean([1 - clients.Sum(), .. clients]));
    }
}
