namespace ManagedFed.Federation;

/// <summary>
/// A federation that cannot go on: the server cannot be reached, or refuses this client; or a run lacks clients that nobody can replace, or
/// ended without having made a model.
/// </summary>
public sealed class FederationException : Exception
{
    /// <summary>An exception with a sentence for the user.</summary>
    public FederationException(string message, Exception? inner = null) : base(message, inner)
    {
    }

    /// <summary>What a server's run measured until it ended; null of a client.</summary>
    public History? History { get; init; }
}
