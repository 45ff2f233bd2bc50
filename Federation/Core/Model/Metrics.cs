namespace ManagedFed.Federation;

/// <summary>The metrics of one client and the examples they were measured on.</summary>
/// <param name="NumExamples">The weight.</param>
/// <param name="Values">The metrics.</param>
public readonly record struct ClientMetrics(long NumExamples, IReadOnlyDictionary<string, Scalar> Values);

/// <summary>Combines the metrics of a round's clients into one set.</summary>
/// <param name="clients">One item per client, in the order the clients were sampled in.</param>
public delegate IReadOnlyDictionary<string, Scalar> MetricsAggregation(IReadOnlyList<ClientMetrics> clients);

/// <summary>Ready-made ways to combine metrics.</summary>
public static class Metrics
{
    /// <summary>No values.</summary>
    internal static IReadOnlyDictionary<string, Scalar> None { get; } = new Dictionary<string, Scalar>().AsReadOnly();

    /// <summary>A client's loss of training: the number <c>loss</c>, as here and in the older interface, or <c>train_loss</c>, as in Flower's Message API.</summary>
    internal static double? LossIn(IReadOnlyDictionary<string, Scalar> metrics) =>
        (metrics.TryGetValue("loss", out var loss) && loss.IsNumber) || (metrics.TryGetValue("train_loss", out loss) && loss.IsNumber) ? loss.AsDouble() : null;

    /// <summary>For each name the mean Σ nₖ·vₖ / Σ nₖ over the clients that report a number under it; other kinds are left out.</summary>
    public static IReadOnlyDictionary<string, Scalar> WeightedAverage(IReadOnlyList<ClientMetrics> clients)
    {
        ArgumentNullException.ThrowIfNull(clients);
        var sums = new SortedDictionary<string, (double Sum, double Weight)>(StringComparer.Ordinal);
        foreach (var (examples, values) in clients)
        {
            foreach (var (name, value) in values)
            {
                if (!value.IsNumber) continue;
                var (sum, weight) = sums.GetValueOrDefault(name);
                sums[name] = (sum + examples * value.AsDouble(), weight + examples);
            }
        }
        return sums.ToDictionary(pair => pair.Key, pair => (Scalar)(pair.Value.Sum / pair.Value.Weight)).AsReadOnly();
    }
}
