using System.Diagnostics.CodeAnalysis;

namespace ManagedFed.Federation;

/// <summary>Folds the trained models of one round into the next global model, one at a time as they arrive.</summary>
public abstract class FitAggregation
{
    /// <summary>Takes one accepted result. Calls come in order of arrival, never two at once; the largest claim of examples comes last.</summary>
    /// <remarks>An aggregation that throws has taken nothing of the result; the run then goes on without it.</remarks>
    /// <param name="place">The result's place in the list of tasks the strategy gave out, whatever the order of arrival.</param>
    /// <param name="result">The result; not kept by the caller.</param>
    public abstract void Add(int place, FitResult result);

    /// <summary>The next global model, or null to keep the present one. Called once, after the last result.</summary>
    /// <param name="failures">The clients whose result did not come or was refused.</param>
    public abstract FitAggregate? Complete(IReadOnlyList<ClientFailure> failures);
}

/// <summary>What an aggregation makes of a round's results.</summary>
/// <param name="Parameters">The next global model.</param>
/// <param name="State">What the strategy remembers from now on; null leaves it as it was, see <see cref="RoundState.Strategy"/>.</param>
/// <remarks>A model by itself converts: <c>return new Parameters(means);</c>.</remarks>
public sealed record FitAggregate(Parameters Parameters, StrategyState? State = null)
{
    /// <summary>A next model, from a strategy that remembers nothing new.</summary>
    [return: NotNullIfNotNull(nameof(parameters))]
    public static implicit operator FitAggregate?(Parameters? parameters) => parameters is null ? null : new(parameters);
}
