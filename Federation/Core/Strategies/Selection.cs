namespace ManagedFed.Federation;

/// <summary>
/// Whom a phase of a round, its training or its evaluation, asks: of m clients that are free and meet the criterion
/// n = max(⌊m·<see cref="Fraction"/>⌋, <see cref="MinClients"/>) are wanted and ⌈n·<see cref="OverSelection"/>⌉ asked, a uniform sample.
/// </summary>
/// <remarks>
/// Asked are never more than there are. With over-selection the phase is full as soon as n results have been accepted; whoever is still at work then
/// is late, see <see cref="ServerConfig.RoundDeadline"/>. The same bits whatever the order of arrival are promised only where neither over-selection
/// nor a deadline cuts a phase off. A run without rounds refuses over-selection and criteria. A strategy that chooses for itself in <see cref="Strategy.ConfigureFit"/> may leave all but the criterion aside.
/// </remarks>
/// <example><c>new FedAvg { FitSelection = new() { Fraction = 0.1, OverSelection = 1.3, Criterion = properties => properties.ContainsKey("gpu") } }</c></example>
public sealed record Selection
{
    private const string Op = "selection";

    /// <summary>The part of the clients that are wanted, 0 to 1; 0 leaves evaluation out. Default 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double Fraction { get; init => field = Interval.Unit.Check(Op, nameof(Fraction), value); } = 1;

    /// <summary>The fewest clients that are wanted, and that must be free before the phase begins, at least 1. Default 2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinClients { get; init => field = Interval.Counts.Check(Op, nameof(MinClients), value); } = 2;

    /// <summary>The fewest connected clients that meet the criterion, busy or not, before the phase begins, at least 1. Default 2.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MinAvailable { get; init => field = Interval.Counts.Check(Op, nameof(MinAvailable), value); } = 2;

    /// <summary>How many clients are asked for each that is wanted, at least 1. Default 1: as many as are wanted.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double OverSelection { get; init => field = Interval.Counts.Check(Op, nameof(OverSelection), value); } = 1;

    /// <summary>Which clients may be chosen, by what they give as their properties; null for all.</summary>
    /// <remarks>
    /// A client is asked for its properties once for as long as it stays connected, before the first phase that it might take part in, and the answer is
    /// judged once. Whoever gives none in time is judged by none, and the log says so. Many virtual clients are each made once for it.
    /// </remarks>
    public Func<IReadOnlyDictionary<string, Scalar>, bool>? Criterion { get; init; }

    /// <summary>How long a client may take to give its properties, above 0 up to 49 days. Default 10 s.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan PropertiesTimeout { get; init => field = Interval.Period.Check(Op, nameof(PropertiesTimeout), value); } = TimeSpan.FromSeconds(10);

    /// <summary>The fewest clients, free or not, that a phase waits for.</summary>
    internal int Needed => Math.Max(MinAvailable, MinClients);

    /// <summary>How many results a phase wants, n.</summary>
    /// <param name="available">The clients that may be chosen, m.</param>
    public int Wanted(int available) => Math.Max((int)(available * Fraction), MinClients);

    /// <summary>How many clients a phase asks, ⌈n·<see cref="OverSelection"/>⌉, if there are so many.</summary>
    /// <param name="available">The clients that may be chosen, m.</param>
    public int Asked(int available)
    {
        var wanted = Wanted(available);
        // In decimals, where 10 · 1.1 is 11 and not a little more.
        return OverSelection == 1 ? wanted : (int)Math.Min(int.MaxValue, Math.Ceiling(wanted * (decimal)Math.Min(OverSelection, int.MaxValue)));
    }

    /// <summary>The clients that a round asks, in their order.</summary>
    public IReadOnlyList<ClientInfo> Choose(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Sample(Asked(state.Clients.Count));
    }

    /// <summary>What is set and not the default, beside Flower's settings; empty when it is nothing.</summary>
    internal string Extras(string phase) =>
        (OverSelection == 1 ? "" : FormattableString.Invariant($", OverSelection{phase} = {OverSelection}")) + (Criterion is null ? "" : $", Criterion{phase}");
}
