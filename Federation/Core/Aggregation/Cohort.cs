namespace ManagedFed.Federation;

/// <summary>Keeps a round's models until all have come, for rules that must see them side by side; memory grows with the clients.</summary>
/// <param name="state">The round.</param>
/// <param name="combine">Makes the next model of the results, in the order of the tasks; never called without any.</param>
internal sealed class Cohort(RoundState state, Func<RoundState, IReadOnlyList<FitResult>, Parameters?> combine) : FitAggregation
{
    private readonly SortedDictionary<int, FitResult> results = [];

    public override void Add(int place, FitResult result) => results.Add(place, result);

    public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) => results.Count == 0 ? null : combine(state, [.. results.Values]);
}
