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
    public abstract Parameters? Complete(IReadOnlyList<ClientFailure> failures);
}
