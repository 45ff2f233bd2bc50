namespace ManagedFed.Federation;

/// <summary>How long a run is.</summary>
/// <param name="NumRounds">The number of rounds, at least 0, or of steps of an <see cref="AsyncStrategy"/>; 0 only fetches and evaluates the initial parameters.</param>
/// <param name="RoundTimeout">The most time one client has for one answer, above 0 up to 49 days; without it a client may take for ever.</param>
/// <exception cref="ArgumentException">A value lies outside its range.</exception>
public sealed record ServerConfig(int NumRounds = 1, TimeSpan? RoundTimeout = null)
{
    /// <inheritdoc cref="ServerConfig" path="/param[@name='NumRounds']"/>
    public int NumRounds
    {
        get;
        init => field = Rounds(value);
    } = Rounds(NumRounds);

    /// <inheritdoc cref="ServerConfig" path="/param[@name='RoundTimeout']"/>
    public TimeSpan? RoundTimeout
    {
        get;
        init => field = Timeout(value);
    } = Timeout(RoundTimeout);

    private static int Rounds(int value) => Interval.NotNegative.Check("server", nameof(NumRounds), value);

    private static TimeSpan? Timeout(TimeSpan? value) => value is { } time ? Interval.Period.Check("server", nameof(RoundTimeout), time) : null;
}
