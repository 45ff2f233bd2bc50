namespace ManagedFed.Federation;

// What becomes of a round's results.
internal abstract partial class ServerLoop
{
    /// <summary>True once a round made a new model.</summary>
    private bool trained;

    protected void EvaluateCentrally(int round, History history)
    {
        if (Strategy.EvaluateFunction?.Invoke(round, history.FinalParameters.Arrays.Own()) is not { } evaluation) return;
        history.AddCentralized(round, evaluation);
        Log.Centralized(round, Config.NumRounds, evaluation.Loss, Shown(evaluation.Metrics ?? Metrics.None));
    }

    /// <summary>Makes the round's results the next model, when they are enough, the strategy makes one of them, and it is sound.</summary>
    protected void Record(
        History history, RoundState state, FitAggregation aggregation, IReadOnlyList<ClientInfo> clients, IReadOnlyList<ClientMetrics> reports,
        IReadOnlyList<ClientFailure> failures, IReadOnlyList<ClientInfo>? late = null)
    {
        late ??= [];
        string[] names = [.. clients.Select(NameOf)];
        var round = state.Round;
        history.AddFitFailures(round, failures);
        history.AddFitLate(round, [.. late.Select(NameOf)]);
        var few = TooFew(reports.Count, failures, late.Count);
        // The clients' models are dropped: the next one goes where they were.
        BlockPool.Shared.Reclaim();
        var (next, why) = few is null ? Complete(state, aggregation, failures) : (null, few);
        history.AddLimited(round, failures.Count(failure => failure.Reason == FailureReason.Norm), aggregation.Clipped);
        if (next is null)
        {
            Log.Dropped(round, why!);
            history.AddModelKept(round, why!);
            memory = Abandoned(state, aggregation) ?? memory;
        }
        else
        {
            history.FinalParameters = Named(next.Parameters);
            memory = next.State ?? memory;
            trained = true;
        }
        history.AddTrained(round, names, reports.Sum(report => report.NumExamples));
        if (few is null) history.AddFit(round, Combine("fit", Strategy.FitMetricsAggregation, reports));
    }

    /// <summary>Notes what the clients' evaluations of a round's model say together.</summary>
    protected void Record(
        History history, RoundState state, IReadOnlyList<ClientEvaluation> reports, IReadOnlyList<ClientFailure> failures, IReadOnlyList<ClientInfo>? late = null)
    {
        late ??= [];
        history.AddEvaluateFailures(state.Round, failures);
        history.AddEvaluateLate(state.Round, [.. late.Select(NameOf)]);
        var why = TooFew(reports.Count, failures, late.Count);
        double? loss = null;
        IReadOnlyList<ClientEvaluation> believed = [];
        if (why is null)
        {
            long[] claims = [.. reports.Select(report => report.NumExamples)];
            believed = [.. reports.Select(report => report with { NumExamples = ExampleClaims.Believed(report.NumExamples, claims, Strategy.MaxExamplesRatio) })];
            try
            {
                loss = Strategy.AggregateEvaluate(state, believed, failures);
                var given = believed.Any(report => !double.IsNaN(report.Loss));
                why = loss is null ? given ? "the strategy made none" : null : double.IsFinite(loss.Value) ? null : $"the strategy made {loss}";
            }
            catch (Exception exception)
            {
                why = Failed(state.Round, exception).Message;
            }
        }
        if (why is not null)
        {
            Log.NotEvaluated(state.Round, why);
            return;
        }
        var metrics = Combine(
            "evaluate", Strategy.EvaluateMetricsAggregation, [.. believed.Select(report => new ClientMetrics(report.NumExamples, report.Metrics))]);
        history.AddDistributed(state.Round, metrics);
        if (loss is not { } measured)
        {
            Log.DistributedWithoutLoss(state.Round, Config.NumRounds, Shown(metrics));
            return;
        }
        history.AddDistributed(state.Round, measured);
        Log.Distributed(state.Round, Config.NumRounds, measured, Shown(metrics));
    }

    /// <summary>The model with the names of its arrays, by which apps over records know them.</summary>
    private Parameters Named(Parameters model) => schema is not null && model.Schema is null ? model.With(schema) : model;

    private (FitAggregate? Next, string? Why) Complete(RoundState state, FitAggregation aggregation, IReadOnlyList<ClientFailure> failures)
    {
        try
        {
            if (Door.Take(aggregation.Complete(failures)) is not { } next) return (null, aggregation.Problem ?? "the strategy made no new one");
            var why = Problem(state.Parameters, next.Parameters);
            return (why is null ? next : null, why);
        }
        catch (Exception exception)
        {
            // What clients sent may be why: that is no reason to end the run, and the old model is whole.
            return (null, Failed(state.Round, exception).Message);
        }
    }

    private static string NameOf(ClientInfo client) => client.StableName ?? client.Name;

    /// <summary>Says what is wrong with a new model that no strategy may make; null lets it be adopted.</summary>
    private static string? Problem(Parameters model, Parameters next) => !model.HasArrays
        ? next.HasArrays ? "the strategy made arrays of a model that is none" : null
        : UpdateCheck.Tensors(next, model) is { } refusal ? $"the strategy's new model is refused ({refusal.Reason}): {refusal.Message}" : null;

    /// <summary>What the strategy remembers of a round without a new model.</summary>
    private StrategyState? Abandoned(RoundState state, FitAggregation aggregation)
    {
        try
        {
            return Door.Take(aggregation.Abandon());
        }
        catch (Exception exception)
        {
            _ = Failed(state.Round, exception);
            return null;
        }
    }

    private string? TooFew(int results, IReadOnlyList<ClientFailure> failures, int late)
    {
        var wanted = Math.Max(1, Strategy.MinResults);
        var of = (failures.Count, late) switch
        {
            (0, 0) => "nobody failed, nobody else was chosen",
            (0, _) => $"nobody failed, {late} were late",
            (_, 0) => NameList.Summary(failures),
            _ => $"{NameList.Summary(failures)}, {late} were late",
        };
        return results < wanted ? $"{results} results are too few, {wanted} wanted: {of}"
            : failures.Count > 0 && !Strategy.AcceptFailures ? $"{failures.Count} failures, and the strategy accepts none: {of}"
            : null;
    }

    private string Untrained(History history)
    {
        var (round, why) = history.ModelsKept[^1];
        return $"[server] none of {Config.NumRounds} round(s) made a new model; round {round}: {why}; ServerConfig.AllowUntrained gives the history nevertheless";
    }

    private IReadOnlyDictionary<string, Scalar> Combine(string phase, MetricsAggregation? aggregation, IReadOnlyList<ClientMetrics> clients)
    {
        if (aggregation is not null)
        {
            try
            {
                return aggregation(clients);
            }
            catch (Exception exception)
            {
                // Clients need not report the same names.
                Log.MetricsFailed(exception, phase);
                return Metrics.None;
            }
        }
        string[] names = [.. clients.SelectMany(client => client.Values.Keys).Distinct().Order(StringComparer.Ordinal)];
        if (names.Length > 0) Log.MetricsDropped(phase, NameList.Few([.. names.Select(name => PeerText.Harmless(name))]));
        return Metrics.None;
    }

    protected static string LossIn(IReadOnlyDictionary<string, Scalar> metrics) => Metrics.LossIn(metrics) is { } loss ? Shown(loss) : "not given";

    protected static string Shown(double value) => FormattableString.Invariant($"{value:G6}");

    /// <summary>The first few numbers, so that a line stays short.</summary>
    private static string Shown(IReadOnlyDictionary<string, Scalar> metrics) => string.Concat(metrics.Where(pair => pair.Value.IsNumber)
        .Take(8).Select(pair => FormattableString.Invariant($", {PeerText.Harmless(pair.Key)} {pair.Value.AsDouble():G6}")));
}
