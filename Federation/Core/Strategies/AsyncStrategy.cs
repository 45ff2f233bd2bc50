namespace ManagedFed.Federation;

/// <summary>A strategy without rounds: a client that has answered is asked again at once, and nobody waits for a slow one.</summary>
/// <remarks>
/// Each client trains the model that is newest when it is asked. As soon as <see cref="UpdatesPerStep"/> updates have come they
/// make the next model; such a step counts as a round wherever rounds are counted. An update's staleness τ is the number of
/// steps made since its client was given the model. A client that fails is asked again after the next step; a step for which
/// no other client is left ends with what has come. The run begins, and goes on, with <see cref="Strategy.MinAvailableClients"/>
/// clients; <see cref="Strategy.FractionFit"/> and <see cref="Strategy.MinFitClients"/> mean nothing here. Memory holds one
/// model for each step whose model some client still trains, so at most <see cref="MaxConcurrency"/> of them.
/// </remarks>
public abstract class AsyncStrategy : Strategy
{
    private readonly int maxConcurrency = 100, evaluateEvery = 1;
    private readonly int? maxStaleness;

    /// <summary>A strategy with the default settings.</summary>
    protected AsyncStrategy()
    {
    }

    /// <summary>A strategy with the settings of another one.</summary>
    private protected AsyncStrategy(AsyncStrategy inner) : base(inner) =>
        (MaxConcurrency, MaxStaleness, EvaluateEvery, Ordered) = (inner.MaxConcurrency, inner.MaxStaleness, inner.EvaluateEvery, inner.Ordered);

    /// <summary>The most clients at work at once, at least 1; who is next is chosen at random. Default 100.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxConcurrency
    {
        get => maxConcurrency;
        init => maxConcurrency = AtLeast(1, value, nameof(MaxConcurrency));
    }

    /// <summary>The largest staleness that counts; older updates are dropped. Default: none is too old.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int? MaxStaleness
    {
        get => maxStaleness;
        init => maxStaleness = value is { } most ? AtLeast(0, most, nameof(MaxStaleness)) : null;
    }

    /// <summary>Every so many steps, and after the last, the model is evaluated; at least 1. Default 1.</summary>
    /// <remarks>
    /// A client evaluates before it is next asked to train; those that are not asked before the next evaluation begins are left out. The
    /// run ends with the answers to the last one, or, when <see cref="Strategy.FractionEvaluate"/> is 0, with the last step.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int EvaluateEvery
    {
        get => evaluateEvery;
        init => evaluateEvery = AtLeast(1, value, nameof(EvaluateEvery));
    }

    /// <summary>
    /// True to count updates in the order in which they were asked for, so that the model is the same to the bit whatever the order in which they come;
    /// false to count them as they come. Default false.
    /// </summary>
    /// <remarks>
    /// An update that comes early waits for its turn, so one slow client holds the others once <see cref="MaxConcurrency"/> of them are asked, and
    /// memory may hold as many updates. At its turn an update counts, its staleness being the steps made since it was asked for, and a free client
    /// is asked in its place for the model that is newest then; one that is too old by then is dropped without being waited for. The model then follows
    /// from the seed, the clients' answers, and who is there as each step begins: let <see cref="Strategy.MinAvailableClients"/> be all of them. A run that is
    /// kept so goes on to the same bits after a kill, as one with rounds does; otherwise it goes on with the updates that had come, in their order.
    /// </remarks>
    public bool Ordered { get; init; }

    /// <summary>How many updates make a step, at least 1.</summary>
    public abstract int UpdatesPerStep { get; }

    /// <summary>Begins a step from the present model.</summary>
    public abstract override AsyncAggregation AggregateFit(RoundState state);

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"MaxConcurrency = {MaxConcurrency}, EvaluateEvery = {EvaluateEvery}")
        + (MaxStaleness is { } most ? FormattableString.Invariant($", MaxStaleness = {most}") : "") + (Ordered ? ", Ordered" : "");

    private protected int AtLeast(int least, int value, string name) => value >= least
        ? value
        : throw new ArgumentOutOfRangeException(name, $"[{GetType().Name}] {name} is {value}, expected at least {least}");
}

/// <summary>Folds the updates of one step into the next model, one at a time as they arrive.</summary>
/// <param name="state">The step: its number and the present model.</param>
public abstract class AsyncAggregation(RoundState state) : FitAggregation
{
    /// <summary>Takes one accepted update. Calls come in the order in which updates count, never two at once.</summary>
    /// <param name="result">The trained model; not kept by the caller.</param>
    /// <param name="given">The model it was trained from.</param>
    /// <param name="staleness">The steps made since, τ ≥ 0.</param>
    public abstract void Add(FitResult result, Parameters given, int staleness);

    /// <inheritdoc/>
    public sealed override void Add(int place, FitResult result) => Add(result, state.Parameters, 0);
}

/// <summary>How much an update counts by its staleness τ: 1 when it is fresh, less the older it is (Xie et al. 2019, arXiv:1903.03934).</summary>
public static class StalenessWeight
{
    /// <summary>1 at any age.</summary>
    public static Func<int, double> Constant { get; } = _ => 1;

    /// <summary>(1 + τ)^−a.</summary>
    /// <param name="a">The exponent, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public static Func<int, double> Polynomial(double a = 0.5)
    {
        Check(a, nameof(a));
        // Unlike a power, a root has the same bits on every machine.
        return a == 0.5 ? staleness => 1 / Math.Sqrt(1.0 + staleness) : staleness => Math.Pow(1.0 + staleness, -a);
    }

    /// <summary>1 up to τ = b, then 1 / (a·(τ − b) + 1).</summary>
    /// <param name="a">How fast the weight falls, at least 0.</param>
    /// <param name="b">The staleness up to which it does not, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is negative or not finite.</exception>
    public static Func<int, double> Hinge(double a = 10, double b = 4)
    {
        Check(a, nameof(a));
        Check(b, nameof(b));
        return staleness => staleness <= b ? 1 : 1 / (a * (staleness - b) + 1);
    }

    /// <summary>A function's weight, held to its range.</summary>
    /// <exception cref="InvalidOperationException">The weight is outside 0 to 1.</exception>
    internal static double Of(Func<int, double> weight, int staleness, string strategy)
    {
        var value = weight(staleness);
        return value is >= 0 and <= 1 ? value : throw new InvalidOperationException(FormattableString.Invariant(
            $"[{strategy}] Staleness gives {value} for an age of {staleness}, expected 0 to 1"));
    }

    private static void Check(double value, string name)
    {
        if (value < 0 || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, $"[staleness] {name} is {value}, expected a finite number of at least 0");
        }
    }
}
