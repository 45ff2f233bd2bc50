using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>
/// Robust federated averaging by the smoothed geometric median (Pillutla et al. 2019, arXiv:1912.13445): the v that minimises
/// Σ αₖ·‖v − wₖ‖ with αₖ = nₖ / Σ n, by Weiszfeld's steps v ← Σ βₖ·wₖ / Σ βₖ, βₖ = αₖ / max(ν, ‖v − wₖ‖), from the mean on.
/// </summary>
/// <remarks>Bears attackers who hold less than half of all examples. Flower has no such strategy.</remarks>
public sealed class GeometricMedian : Strategy
{
    /// <summary>The smoothing ν, above 0: the distance below which a model's weight grows no more. Default 1e-6.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public double Smoothing { get; init => field = Interval.Positive.Check(Named, nameof(Smoothing), value); } = 1e-6;

    /// <summary>Weiszfeld's steps, at least 1. Default 10.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int Iterations { get; init => field = Interval.Counts.Check(Named, nameof(Iterations), value); } = 10;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"Smoothing = {Smoothing}, Iterations = {Iterations}");

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) => Combine(results));
    }

    /// <summary>v is always a mean of the models, so only its weights are kept; distances come from the models themselves.</summary>
    private Parameters Combine(IReadOnlyList<FitResult> results)
    {
        IReadOnlyList<NdArray>[] models = [.. results.Select(result => result.Parameters.Arrays)];
        var total = results.Sum(result => (double)result.NumExamples);
        double[] shares = [.. results.Select(result => result.NumExamples / total)];
        var weights = shares;
        for (var step = 0; step < Iterations; step++)
        {
            var squares = Columns.Sum(models, models.Length, WeightedColumns.SquaredDistances(weights));
            double[] next = [.. shares.Select((share, k) => share / Math.Max(Smoothing, Math.Sqrt(squares[k])))];
            var sum = next.Sum();
            weights = [.. next.Select(weight => weight / sum)];
        }
        return Columns.Map(models, WeightedColumns.Mean(weights));
    }
}

/// <summary>Tiles of models combined with one weight for each model.</summary>
internal static class WeightedColumns
{
    /// <summary>Σ weightₖ·rowₖ.</summary>
    public static Columns.TileWork Mean(double[] weights) => (rows, width, result) => Mean(weights, rows, width, result);

    /// <summary>Adds ‖rowₖ − Σ weightⱼ·rowⱼ‖² for each k.</summary>
    public static Columns.TileWork SquaredDistances(double[] weights) => (rows, width, sums) =>
    {
        Span<double> mean = stackalloc double[width];
        Mean(weights, rows, width, mean);
        for (var k = 0; k < weights.Length; k++)
        {
            var row = rows.Slice(k * width, width);
            TensorPrimitives.Subtract(row, mean, row);
            sums[k] += TensorPrimitives.SumOfSquares<double>(row);
        }
    };

    private static void Mean(double[] weights, Span<double> rows, int width, Span<double> result)
    {
        result.Clear();
        for (var k = 0; k < weights.Length; k++) TensorPrimitives.MultiplyAdd(rows.Slice(k * width, width), weights[k], result, result);
    }
}
