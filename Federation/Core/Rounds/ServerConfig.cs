namespace ManagedFed.Federation;

/// <summary>How long a run is.</summary>
/// <param name="NumRounds">
/// The number of rounds, or of steps of an <see cref="AsyncStrategy"/>, at least 0; 0 only fetches and evaluates the initial parameters.
/// </param>
/// <param name="RoundTimeout">
/// The most time one client has for one answer, above 0 up to 49 days; without it a client may take for ever, and the log says whom a round waits for.
/// </param>
/// <exception cref="ArgumentException">The value lies outside its range.</exception>
public sealed record ServerConfig(int NumRounds = 1, TimeSpan? RoundTimeout = null)
{
    /// <summary>The number of rounds.</summary>
    public int NumRounds { get; init => field = Interval.NotNegative.Check("server_config", nameof(NumRounds), value); } = Interval.NotNegative.Check("server_config", nameof(NumRounds), NumRounds);

    /// <summary>The most time one client has for one answer.</summary>
    public TimeSpan? RoundTimeout
    {
        get;
        init => field = Above0(value);
    } = Above0(RoundTimeout);

    /// <summary>
    /// The most time a round's training, and again its evaluation, waits for results, above 0 up to 49 days; then those that have come count,
    /// if they are as many as <see cref="Strategy.MinResults"/>, or else the round changes nothing. Default null: until all have answered.
    /// </summary>
    /// <remarks>
    /// Whoever is still at work then is late, which is no failure: its connection stays, its reply is acknowledged and not counted, and it is asked
    /// again once it has answered; see <see cref="RoundReport.FitLate"/>. A client with a <see cref="ClientInfo.StableName"/> that is lost and comes back
    /// in time is asked again. A run that is kept counts the same updates when it goes on; in a round that was still open the deadline then starts anew.
    /// </remarks>
    /// <example><c>new ServerConfig(100, RoundTimeout: TimeSpan.FromHours(1)) { RoundDeadline = TimeSpan.FromMinutes(5) }</c></example>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan? RoundDeadline { get; init => field = value is { } time ? Interval.Period.Check("server_config", nameof(RoundDeadline), time) : null; }

    /// <summary>
    /// False to end a run with a <see cref="FederationException"/>, which holds the history, when none of its rounds made a new model: all
    /// clients failed, or every result was refused. True to give the history with the initial model as if nothing had been. Default false.
    /// </summary>
    public bool AllowUntrained { get; init; }

    private static TimeSpan? Above0(TimeSpan? value) => value is { } time ? Interval.Period.Check("server_config", nameof(RoundTimeout), time) : null;
}
