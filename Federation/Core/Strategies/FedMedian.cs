using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>
/// The mean of each element's middle values (Yin et al. 2018, arXiv:1803.01498): the clients' values are sorted, the same number is
/// cut at both ends, and the rest is averaged without weights.
/// </summary>
public abstract class CoordinateRule : Strategy
{
    /// <inheritdoc/>
    public sealed override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) => Columns.Map([.. results.Select(result => result.Parameters.Arrays)], Tile(Cut(results.Count))));
    }

    /// <summary>How many of the clients' values are cut at each end; at least one value stays.</summary>
    private protected abstract int Cut(int clients);

    private static Columns.TileWork Tile(int cut) => (rows, width, result) =>
    {
        ColumnSort.Sort(rows, width);
        var kept = rows[(cut * width)..^(cut * width)];
        kept[..width].CopyTo(result);
        for (var row = width; row < kept.Length; row += width) TensorPrimitives.Add(result, kept.Slice(row, width), result);
        if (kept.Length > width) TensorPrimitives.Divide(result, kept.Length / width, result);
    };
}

/// <summary>The median of the clients' values, element by element and without weights; of an even number the mean of the middle two.</summary>
/// <remarks>Yin et al. 2018, arXiv:1803.01498. Bears f attackers among more than 2·f clients.</remarks>
public sealed class FedMedian : CoordinateRule
{
    private protected override int Cut(int clients) => (clients - 1) / 2;
}

/// <summary>
/// The mean of what stays, element by element and without weights, when ⌊β·K⌋ of the K clients' values are cut at each end.
/// </summary>
/// <remarks>Yin et al. 2018, arXiv:1803.01498. Bears f ≤ ⌊β·K⌋ attackers.</remarks>
public sealed class FedTrimmedAvg : CoordinateRule
{
    private readonly double beta = 0.2;

    /// <summary>The part β cut at each end, 0 to below ½. Default 0.2.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range: nothing would be left.</exception>
    public double Beta
    {
        get => beta;
        init => beta = value is >= 0 and < 0.5
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), $"[FedTrimmedAvg] Beta is {value}, expected 0 to below 0.5; a half would leave nothing");
    }

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"Beta = {Beta}");

    private protected override int Cut(int clients) => (int)(beta * clients);
}
