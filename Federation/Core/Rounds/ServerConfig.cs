namespace ManagedFed.Federation;

/// <summary>How long a run is.</summary>
/// <param name="NumRounds">The number of rounds, or of steps of an <see cref="AsyncStrategy"/>; 0 only fetches and evaluates the initial parameters.</param>
/// <param name="RoundTimeout">The most time one client has for one answer; without it a client may take for ever.</param>
public sealed record ServerConfig(int NumRounds = 1, TimeSpan? RoundTimeout = null);
