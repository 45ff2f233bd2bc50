namespace ManagedFed.Federation;

/// <summary>In which of Flower's interfaces a server speaks to the apps of its nodes.</summary>
public enum FleetInterface
{
    /// <summary>
    /// Found out for each node from its first answer: whoever answers one with an error is asked in the other. Nodes of both kinds train in one run.
    /// </summary>
    Auto,

    /// <summary>Flower's older interface: <c>get_parameters</c>, <c>fit</c> and <c>evaluate</c>, as a <c>NumPyClient</c> has them.</summary>
    Legacy,

    /// <summary>
    /// Flower's Message API: <c>train</c>, <c>evaluate</c> and <c>query</c> over records, as its quickstarts have them since 1.21. The model must come
    /// from <see cref="Strategy.InitialParameters"/>, or from an app that answers <c>query.initial_parameters</c> with a record of arrays.
    /// </summary>
    MessageApi,
}
