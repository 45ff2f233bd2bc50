using System.Numerics;
using System.Runtime.InteropServices;

namespace ManagedFed.Federation;

/// <summary>Which of several models with equal scores is chosen; two that are each other's only neighbour always have equal ones.</summary>
public enum KrumTies
{
    /// <summary>The one that is nearer to all others together; of such as are equal in this, too, the one that comes first.</summary>
    NearestToAll,

    /// <summary>The one that comes first, in the order of the sampled clients, as in Flower.</summary>
    First,
}

/// <summary>How <see cref="Bulyan"/> chooses its models.</summary>
public enum BulyanSelection
{
    /// <summary>One after the other, with new scores among those that are left: the paper's and Flower's first rule.</summary>
    Repeated,

    /// <summary>Those with the lowest scores among all, at once: what Flower's Message API does.</summary>
    AtOnce,
}

/// <summary>
/// The one model nearest to its neighbours (Blanchard et al. 2017, arXiv:1703.02757): the score of model i is the sum of its
/// K − f − 2 (at least 1) smallest squared distances to the others, and the lowest score wins.
/// </summary>
/// <remarks>
/// Distances are summed in double precision, difference by difference; Flower's expansion ‖x‖² + ‖y‖² − 2x·y loses the small ones.
/// Safe against f attackers among K ≥ 2·f + 3 clients. Equal scores are decided as <see cref="Ties"/> says.
/// </remarks>
public class Krum : Strategy
{
    private readonly int malicious;
    private readonly int kept;

    /// <summary>How many attackers f to expect, at least 0. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int NumMaliciousClients
    {
        get => malicious;
        init => malicious = KrumScores.NotNegative(nameof(Krum), nameof(NumMaliciousClients), value);
    }

    /// <summary>With m &gt; 0 the next model is the mean, weighted by examples, of the m models with the lowest scores. Default 0: the lowest alone.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int NumClientsToKeep
    {
        get => kept;
        init => kept = KrumScores.NotNegative(nameof(Krum), nameof(NumClientsToKeep), value);
    }

    /// <summary>Which of several models with equal scores is chosen. Default <see cref="KrumTies.NearestToAll"/>.</summary>
    public KrumTies Ties { get; init; }

    /// <inheritdoc/>
    protected override string Settings =>
        FormattableString.Invariant($"NumMaliciousClients = {NumMaliciousClients}, NumClientsToKeep = {NumClientsToKeep}, Ties = {Ties}");

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) =>
        {
            var order = KrumScores.Order(SquaredDistances.Of(results), [.. Enumerable.Range(0, results.Count)], NumMaliciousClients, Ties);
            if (NumClientsToKeep == 0) return results[order[0]].Parameters;
            var mean = new WeightedMean(state.Parameters.Arrays);
            foreach (var i in order.Take(NumClientsToKeep).Order()) mean.Add(i, results[i]);
            return mean.Complete([])!.Parameters;
        });
    }
}

/// <summary><see cref="Krum"/> that keeps several models: the mean of the lowest scores, weighted by examples.</summary>
public sealed class MultiKrum : Krum
{
    /// <summary>A strategy that keeps the best model until <see cref="Krum.NumClientsToKeep"/> says how many.</summary>
    public MultiKrum() => NumClientsToKeep = 1;
}

/// <summary>
/// Krum, repeated to choose θ = K − 2f models, then for each element the mean of the θ − 2f values nearest to their median
/// (El Mhamdi et al. 2018, arXiv:1802.07927).
/// </summary>
/// <remarks>
/// Needs K ≥ 4f + 3 clients; a round with fewer results keeps the model. Of two values equally near the lower is taken. With its
/// defaults (f = 0) it is the mean without weights, where Flower's fails. When few models are left, their scores are equal: Flower's first
/// rule is <see cref="Ties"/> = <see cref="KrumTies.First"/>, its Message API's besides <see cref="Selection"/> =
/// <see cref="BulyanSelection.AtOnce"/>.
/// </remarks>
public sealed class Bulyan : Strategy
{
    private readonly int malicious;

    /// <summary>How many attackers f to expect, at least 0. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int NumMaliciousClients
    {
        get => malicious;
        init => malicious = KrumScores.NotNegative(nameof(Bulyan), nameof(NumMaliciousClients), value);
    }

    /// <summary>Which of several models with equal scores is chosen. Default <see cref="KrumTies.NearestToAll"/>.</summary>
    public KrumTies Ties { get; init; }

    /// <summary>Whether models are chosen one after the other or at once. Default <see cref="BulyanSelection.Repeated"/>.</summary>
    public BulyanSelection Selection { get; init; }

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"NumMaliciousClients = {NumMaliciousClients}, Ties = {Ties}, Selection = {Selection}");

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) =>
        {
            if (results.Count < 4L * malicious + 3) return null;
            var chosen = Choose(SquaredDistances.Of(results), results.Count);
            return Columns.Map([.. chosen.Select(i => results[i].Parameters.Arrays)], Tile(chosen.Count - 2 * malicious));
        });
    }

    private List<int> Choose(double[,] distances, int clients)
    {
        List<int> left = [.. Enumerable.Range(0, clients)], chosen = [];
        if (Selection == BulyanSelection.AtOnce) return [.. KrumScores.Order(distances, left, malicious, Ties).Take(clients - 2 * malicious)];
        while (chosen.Count < clients - 2 * malicious)
        {
            var best = KrumScores.Order(distances, left, malicious, Ties)[0];
            left.Remove(best);
            chosen.Add(best);
        }
        return chosen;
    }

    /// <summary>In a sorted column the values nearest to the median are neighbours: a window that moves up while its upper end is nearer.</summary>
    private static Columns.TileWork Tile(int kept) => (rows, width, result) =>
    {
        ColumnSort.Sort(rows, width);
        var count = rows.Length / width;
        for (var i = 0; i < width; i++)
        {
            var median = (rows[(count - 1) / 2 * width + i] + rows[count / 2 * width + i]) / 2;
            var start = 0;
            while (start + kept < count && median - rows[start * width + i] > rows[(start + kept) * width + i] - median) start++;
            var sum = 0.0;
            for (var k = start; k < start + kept; k++) sum += rows[k * width + i];
            result[i] = sum / kept;
        }
    };
}

/// <summary>The squared Euclidean distances between the round's models, over all their tensors.</summary>
internal static class SquaredDistances
{
    public static double[,] Of(IReadOnlyList<FitResult> results)
    {
        var count = results.Count;
        var flat = Columns.Sum([.. results.Select(result => result.Parameters.Arrays)], count * count, (rows, width, sums) =>
        {
            for (var i = 0; i < count; i++)
            {
                for (var j = i + 1; j < count; j++) sums[i * count + j] += Squared(rows.Slice(i * width, width), rows.Slice(j * width, width));
            }
        });
        var distances = new double[count, count];
        for (var i = 0; i < count; i++)
        {
            for (var j = i + 1; j < count; j++) distances[i, j] = distances[j, i] = flat[i * count + j];
        }
        return distances;
    }

    private static double Squared(Span<double> x, Span<double> y)
    {
        var a = MemoryMarshal.Cast<double, Vector<double>>(x);
        var b = MemoryMarshal.Cast<double, Vector<double>>(y);
        var sum = Vector<double>.Zero;
        for (var i = 0; i < a.Length; i++)
        {
            var difference = a[i] - b[i];
            sum = Vector.FusedMultiplyAdd(difference, difference, sum);
        }
        var total = Vector.Sum(sum);
        for (var i = a.Length * Vector<double>.Count; i < x.Length; i++) total += (x[i] - y[i]) * (x[i] - y[i]);
        return total;
    }
}

/// <summary>Krum's choice among some of the clients.</summary>
internal static class KrumScores
{
    public static int NotNegative(string strategy, string name, int value) => value >= 0
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), $"[{strategy}] {name} is {value}, expected at least 0");

    /// <summary>The clients by score, lowest first.</summary>
    public static int[] Order(double[,] distances, IReadOnlyList<int> among, int malicious, KrumTies ties)
    {
        var nearest = Math.Max(1, among.Count - malicious - 2);
        return [.. among.OrderBy(i => Sum(i, nearest)).ThenBy(i => ties == KrumTies.First ? 0 : Sum(i, among.Count))];

        double Sum(int i, int count) => among.Where(j => j != i).Select(j => distances[i, j]).Order().Take(count).Sum();
    }
}
