namespace ManagedFed.Federation;

/// <summary>A loss and metrics measured on the server.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Metrics">Further values.</param>
public sealed record CentralEvaluation(double Loss, IReadOnlyDictionary<string, Scalar>? Metrics = null);
