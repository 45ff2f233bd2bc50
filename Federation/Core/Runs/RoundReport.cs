namespace ManagedFed.Federation;

/// <summary>What one round, or one step of a run without rounds, did and measured; round 0 is what was measured before the first.</summary>
/// <param name="Round">The round's number.</param>
public sealed record RoundReport(int Round)
{
    /// <summary>The clients whose training counted, by name, in the order of their tasks.</summary>
    public IReadOnlyList<string> Trained { get; init; } = [];

    /// <summary>The examples that they claim together.</summary>
    public long NumExamples { get; init; }

    /// <summary>The clients whose training did not come or did not count, and why.</summary>
    public IReadOnlyList<ClientFailure> FitFailures { get; init; } = [];

    /// <summary>The clients whose evaluation did not come or did not count, and why.</summary>
    public IReadOnlyList<ClientFailure> EvaluateFailures { get; init; } = [];

    /// <summary>The clients that the round was to ask to train and did not wait for, by name: they were still at work when it was full or its deadline passed.</summary>
    public IReadOnlyList<string> FitLate { get; init; } = [];

    /// <summary>The same of its evaluation.</summary>
    public IReadOnlyList<string> EvaluateLate { get; init; } = [];

    /// <summary>Why the model stayed as it was; null when the round changed it.</summary>
    public string? Unchanged { get; init; }

    /// <summary>The clients' weighted loss; null without evaluation by clients.</summary>
    public double? LossDistributed { get; init; }

    /// <summary>The loss measured on the server; null without.</summary>
    public double? LossCentralized { get; init; }

    /// <summary>The combined metrics of training.</summary>
    public IReadOnlyDictionary<string, Scalar> MetricsDistributedFit { get; init; } = Metrics.None;

    /// <summary>The combined metrics of evaluation.</summary>
    public IReadOnlyDictionary<string, Scalar> MetricsDistributed { get; init; } = Metrics.None;

    /// <summary>The metrics measured on the server.</summary>
    public IReadOnlyDictionary<string, Scalar> MetricsCentralized { get; init; } = Metrics.None;

    /// <summary>How old each update was, in the order they came; empty in a run with rounds.</summary>
    public IReadOnlyList<int> Staleness { get; init; } = [];

    /// <summary>How many updates did not count because of <see cref="UpdateLimits.Zeroing"/>.</summary>
    public int UpdatesRefused { get; init; }

    /// <summary>How many updates <see cref="UpdateLimits.Clipping"/> shortened.</summary>
    public int UpdatesClipped { get; init; }

    /// <summary>The time that the round took.</summary>
    public TimeSpan Elapsed { get; init; }
}
