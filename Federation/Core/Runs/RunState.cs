namespace ManagedFed.Federation;

/// <summary>All that the next round of a run depends on; immutable, so that it can be kept, compared and gone on from.</summary>
/// <param name="RunId">The run's name, the same from its first round to its last, whatever process works it.</param>
/// <param name="Round">The last round that is over; 0 before the first.</param>
/// <param name="Parameters">The global model after it.</param>
/// <param name="Strategy">What the strategy remembers, below <c>inner</c>, and what the limits of updates have learnt, as <c>zeroing</c> and <c>clipping</c>.</param>
/// <param name="Key">The run's random key: folded by purpose and round, it gives all chance of the run.</param>
public sealed record RunState(string RunId, int Round, Parameters Parameters, StrategyState Strategy, RandomKey Key)
{
    /// <summary>What each round did and measured, from round 0.</summary>
    public IReadOnlyList<RoundReport> Reports { get; init; } = [];

    /// <summary>What the model's arrays are; null for a model that is no arrays.</summary>
    public ParameterSchema? Schema { get; init; }
}
