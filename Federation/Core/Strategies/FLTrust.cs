using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>
/// Averaging by trust (Cao et al. 2020, arXiv:2012.13995): the server trains on a few clean examples of its own; with gₖ = wₖ − w and
/// g₀ its own update, TSₖ = max(0, cos(gₖ, g₀)) and w ← w + Σ TSₖ·(‖g₀‖/‖gₖ‖)·gₖ / Σ TSₖ.
/// </summary>
/// <remarks>
/// When no client points the server's way (all TSₖ = 0), the model stays. Statistics and integer tensors have no direction: they become the
/// mean Σ TSₖ·sₖ / Σ TSₖ of the clients', and do not count for the TSₖ. Flower has no such strategy.
/// </remarks>
public sealed class FLTrust : Strategy
{
    /// <summary>Trains the given global model on the server's examples, by round number from 1, and gives the result.</summary>
    public required Func<int, IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> TrainOnServer { get; init; }

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, Combine);
    }

    private Parameters? Combine(RoundState state, IReadOnlyList<FitResult> results)
    {
        var trained = new Parameters(TrainOnServer(state.Round, state.Parameters.Arrays.Own()));
        if (UpdateCheck.Tensors(trained, state.Parameters) is { } refusal)
        {
            throw new InvalidOperationException($"[FLTrust] TrainOnServer gave another model: {refusal.Message}");
        }
        var schema = state.Schema;
        IReadOnlyList<NdArray>[] models =
        [
            .. new[] { state.Parameters, trained }.Concat(results.Select(result => result.Parameters))
                .Select(model => StatisticsApart.Part(model, schema, true).Arrays),
        ];
        var count = models.Length - 1;
        var sums = Columns.Sum(models, 2 * count, Products);
        double[] trust = [.. Enumerable.Range(1, count - 1).Select(k => Trust(sums[k], sums[count], sums[count + k]))];
        var total = trust.Sum();
        if (total == 0) return null;
        double[] clients = [.. trust.Select((score, k) => score / total * Math.Sqrt(sums[count] / sums[count + k + 1]))];
        for (var k = 0; k < clients.Length; k++) clients[k] = trust[k] == 0 ? 0 : clients[k];
        var moved = Columns.Map(models, WeightedColumns.Mean([1 - clients.Sum(), 0, .. clients]));
        if (!schema.HasStatistics) return moved;
        IReadOnlyList<NdArray>[] statistics = [.. results.Select(result => StatisticsApart.Part(result.Parameters, schema, false).Arrays)];
        return StatisticsApart.Join(schema, moved, Columns.Map(statistics, WeightedColumns.Mean([.. trust.Select(score => score / total)])));

        // Adds gₖ·g₀ for the server (k = 0) and the clients, then ‖gₖ‖².
        void Products(Span<double> rows, int width, Span<double> result)
        {
            var (start, own) = (0, width);
            for (var k = 0; k < count; k++)
            {
                var update = rows.Slice((k + 1) * width, width);
                TensorPrimitives.Subtract(update, rows.Slice(start, width), update);
                result[k] += TensorPrimitives.Dot<double>(update, rows.Slice(own, width));
                result[count + k] += TensorPrimitives.SumOfSquares<double>(update);
            }
        }
    }

    private static double Trust(double product, double ownSquare, double square) =>
        ownSquare > 0 && square > 0 ? Math.Max(0, product / (Math.Sqrt(ownSquare) * Math.Sqrt(square))) : 0;
}
