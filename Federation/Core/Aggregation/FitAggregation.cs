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

    /// <summary>Says what is wrong with a result, by what the round has learnt so far; null, the default, lets it in.</summary>
    /// <remarks>Asked before the result is kept and added, from any thread and of several results at once, after <see cref="Strategy.Check(RoundState, FitResult)"/>.</remarks>
    /// <param name="state">The round whose model the result was trained from; without rounds that may be one before.</param>
    /// <param name="result">The result.</param>
    public virtual Refusal? Check(RoundState state, FitResult result) => null;

    /// <summary>The next global model, or null to keep the present one. Called once, after the last result.</summary>
    /// <param name="failures">The clients whose result did not come or was refused.</param>
    public abstract FitAggregate? Complete(IReadOnlyList<ClientFailure> failures);

    /// <summary>What the strategy remembers of a round that makes no new model; null, the default, leaves it as it was.</summary>
    /// <remarks>Called last, in place of <see cref="Complete"/> when results are too few, and after it when it gave no model or one that was refused.</remarks>
    public virtual StrategyState? Abandon() => null;

    /// <summary>How many results counted shortened.</summary>
    internal virtual int Clipped => 0;

    /// <summary>Why <see cref="Complete"/> gave no model, when it made one; null when it made none.</summary>
    internal virtual string? Problem => null;
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
