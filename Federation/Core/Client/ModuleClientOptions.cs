namespace ManagedFed.Federation;

/// <summary>How a <see cref="ModuleClient"/> trains when the server does not say.</summary>
public sealed record ModuleClientOptions
{
    /// <summary>Examples per batch, at least 1; the server's <c>batch_size</c> goes before.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int BatchSize { get; init => field = Interval.Counts.Check("module_client", nameof(BatchSize), value); } = 256;

    /// <summary>Passes over the training data per round, at least 1; the server's <c>local_epochs</c> goes before.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int LocalEpochs { get; init => field = Interval.Counts.Check("module_client", nameof(LocalEpochs), value); } = 1;

    /// <summary>Chooses the order of the examples; give each client its own.</summary>
    public RandomKey Key { get; init; } = RandomKey.FromSeed(0);

    /// <summary>True to start each round without momentum and at step 0, since the model is another one. Default true.</summary>
    public bool ResetOptimizer { get; init; } = true;

    /// <summary>
    /// The names of the metrics. Default null: <see cref="Federation.MetricNames.Flower"/> for apps over records, which Flower's Message API is, and
    /// <see cref="Federation.MetricNames.Plain"/> otherwise.
    /// </summary>
    public MetricNames? MetricNames { get; init; }

    /// <summary>The parameters that stay on this client. Default: none.</summary>
    public LocalParameters LocalParameters { get; init; } = LocalParameters.None;
}
