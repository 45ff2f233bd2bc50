using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>How strict a schedule is.</summary>
internal enum Rule
{
    /// <summary>Whoever is lost comes back in time: everything ends as without faults, to the bit.</summary>
    Same,

    /// <summary>Clients may stay away for longer than anybody waits: the model is that of those who took part.</summary>
    Partial,
}

/// <summary>A run that is worked under faults: all that its result depends on.</summary>
internal sealed record Scenario
{
    private static readonly string[] InRounds =
        ["FedAvg", "FedAvgM", "FedAdam", "FedYogi", "FedAdagrad", "Scaffold", "FedNova", "FedProx", "QFedAvg", "FedMedian", "Krum", "GeometricMedian", "FedTrimmedAvg"];

    public required string Strategy { get; init; }

    public required int Clients { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Half of the clients train, half evaluate.</summary>
    public bool IsSampled { get; init; }

    public bool Evaluates { get; init; }

    /// <summary>Updates depend on what the client remembers.</summary>
    public bool IsStateful { get; init; }

    /// <summary>Each update has a place of its own in the model, which so counts them.</summary>
    public bool Counts { get; init; }

    /// <summary>Without rounds: updates count in the order they were asked for.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>Without rounds: the most clients at work at once, and the largest staleness that counts.</summary>
    public int? AtWork { get; init; }

    public int? MaxStaleness { get; init; }

    public bool IsLimited { get; init; }

    /// <summary>The round after which the run is to stop; null for all rounds.</summary>
    public int? StopAfter { get; init; }

    public Rule Rule { get; init; }

    // What may not show in the result.
    public int? MaxConcurrency { get; init; }

    public int Generations { get; init; } = 2;

    public TimeSpan? ReturnTimeout { get; init; }

    public TimeSpan? RoundTimeout { get; init; }

    public TimeSpan? RoundDeadline { get; init; }

    /// <summary>How many of the clients are nodes of Fleet; the others are clients of the stream.</summary>
    public int Nodes { get; init; }

    public const int RunSeed = 3;

    public bool IsAsync => Strategy is "FedBuff" or "FedAsync";

    public ServerConfig CreateConfig() => new(Rounds, RoundTimeout) { RoundDeadline = RoundDeadline, AllowUntrained = Rule == Rule.Partial };

    public UpdateLimits CreateLimits() => IsLimited ? UpdateLimits.TensorFlowFederated : Counts ? UpdateLimits.None : new();

    public Func<History, bool>? CreateStopWhen() => StopAfter is { } last ? history => history.Reports[^1].Round >= last : null;

    /// <summary>What decides the result alone.</summary>
    public Scenario Essence() => this with { MaxConcurrency = null, Generations = 2, ReturnTimeout = null, RoundTimeout = null, RoundDeadline = null, Nodes = 0, IsVirtual = false, IsSampled = IsSampled && Rule == Rule.Same };

    /// <summary>Clients are made in the server's process when they are asked.</summary>
    public bool IsVirtual { get; init; }

    public static Scenario Draw(Chance chance)
    {
        // Each kind of run promises something else.
        var kind = chance.Below(20);
        var (partial, counts, alone, ordered) = (kind < 4, kind is 4 or 5, kind is 6 or 7, kind is 8 or 9 or 10);
        var inRounds = !counts && !alone && !ordered;
        var same = inRounds && !partial;
        var wire = chance.Below(10);
        var clients = alone ? 1 : 2 + chance.Below(3);
        return new()
        {
            Rule = partial ? Rule.Partial : Rule.Same,
            Strategy = counts ? "FedBuff" : !inRounds ? chance.Of("FedBuff", "FedAsync") : partial ? chance.Of("FedAvg", "FedMedian", "FedAdam", "Scaffold") : chance.Of(InRounds),
            Counts = counts,
            IsOrdered = ordered,
            AtWork = ordered && chance.OneIn(3) ? 2 : null,
            MaxStaleness = ordered && chance.OneIn(3) ? 1 : null,
            Clients = clients,
            Rounds = 1 + chance.Below(4),
            IsSampled = (same || partial) && chance.OneIn(3),
            Evaluates = chance.OneIn(2),
            IsStateful = (same || ordered) && chance.OneIn(2),
            IsLimited = !counts && chance.OneIn(4),
            StopAfter = !counts && !partial && chance.OneIn(6) ? 1 + chance.Below(3) : null,
            MaxConcurrency = chance.OneIn(4) ? 1 + chance.Below(2) : null,
            Generations = 2 + chance.Below(2),
            ReturnTimeout = partial ? TimeSpan.FromSeconds(15) : TimeSpan.FromMinutes(20),
            RoundTimeout = partial ? TimeSpan.FromSeconds(30) : null,
            RoundDeadline = partial && chance.OneIn(2) ? TimeSpan.FromSeconds(3 + chance.Below(8)) : null,
            Nodes = wire == 0 ? 1 + chance.Below(clients) : 0,
            IsVirtual = wire == 1 && (same || ordered),
        };
    }

    public Strategy CreateStrategy()
    {
        var all = Rule == Rule.Same && !Counts ? Clients : 1;
        var some = new Selection { Fraction = IsSampled ? 0.5 : 1, MinClients = 1, MinAvailable = all };
        var (fit, evaluate) = (some with { OverSelection = IsSampled && Rule == Rule.Partial ? 1.5 : 1 }, Evaluates ? some : some with { Fraction = 0 });
        return Strategy switch
        {
            "FedAvg" => new FedAvg { FitSelection = fit, EvaluateSelection = evaluate, EvaluateMetricsAggregation = Metrics.WeightedAverage, FitMetricsAggregation = Metrics.WeightedAverage },
            "FedAvgM" => new FedAvgM { ServerMomentum = 0.9, FitSelection = fit, EvaluateSelection = evaluate },
            "FedAdam" => new FedAdam { FitSelection = fit, EvaluateSelection = evaluate },
            "FedYogi" => new FedYogi { FitSelection = fit, EvaluateSelection = evaluate },
            "FedAdagrad" => new FedAdagrad { FitSelection = fit, EvaluateSelection = evaluate },
            "Scaffold" => new Scaffold { TotalClients = Clients, FitSelection = fit, EvaluateSelection = evaluate },
            "FedNova" => new FedNova { FitSelection = fit, EvaluateSelection = evaluate },
            "FedProx" => new FedProx { ProximalMu = 0.1, FitSelection = fit, EvaluateSelection = evaluate },
            "QFedAvg" => new QFedAvg { FitSelection = fit, EvaluateSelection = evaluate },
            "FedMedian" => new FedMedian { FitSelection = fit, EvaluateSelection = evaluate },
            "FedTrimmedAvg" => new FedTrimmedAvg { FitSelection = fit, EvaluateSelection = evaluate },
            "GeometricMedian" => new GeometricMedian { FitSelection = fit, EvaluateSelection = evaluate },
            "Krum" => new Krum { FitSelection = fit, EvaluateSelection = evaluate },
            "FedBuff" => new FedBuff { BufferSize = UpdatesPerStep, Ordered = IsOrdered, MaxConcurrency = AtWork ?? 100, MaxStaleness = MaxStaleness, FitSelection = fit, EvaluateSelection = evaluate, Staleness = Counts ? StalenessWeight.Constant : StalenessWeight.Polynomial() },
            "FedAsync" => new FedAsync { Ordered = IsOrdered, MaxConcurrency = AtWork ?? 100, MaxStaleness = MaxStaleness, FitSelection = fit, EvaluateSelection = evaluate },
            _ => throw new InvalidOperationException($"[faults] there is no strategy {Strategy}"),
        };
    }

    public const int UpdatesPerStep = 3;

    /// <summary>A client's updates of one step that count, and those that were lost.</summary>
    private const int MostNumbers = 3 * UpdatesPerStep;

    /// <summary>The model every client would begin with.</summary>
    public IReadOnlyList<NdArray> Initial() => Counts
        ? [NdArray.Zeros([PlaceOf(Clients, 0, 0)], DType.Float64)]
        : [NdArray.From<float>([0.5f, -1, 2], [3]), NdArray.From<double>(1), NdArray.From(7L)];

    /// <summary>The place in a counting model of a client's update.</summary>
    public int PlaceOf(int client, int round, int update) => update < MostNumbers
        ? (client * (Rounds + 2) + round) * MostNumbers + update
        : throw new BrokenException($"client {client} is asked for its update {update} of round {round}");
}
