using System.Collections.ObjectModel;

namespace ManagedFed.Federation;

// How a history grows, and its parts by round.
public sealed partial class History
{
    /// <summary>What one round did and measured; empty when nothing is known of it.</summary>
    /// <param name="round">The round's number, 0 for what was measured before the first.</param>
    public RoundReport Report(int round) => new(round)
    {
        Trained = trained.GetValueOrDefault(round)?.Clients ?? [],
        NumExamples = trained.GetValueOrDefault(round)?.NumExamples ?? 0,
        Elapsed = elapsed.GetValueOrDefault(round),
        FitFailures = [.. Of(fitFailures, round)],
        EvaluateFailures = [.. Of(evaluateFailures, round)],
        FitLate = Of(fitLate, round).FirstOrDefault() ?? [],
        EvaluateLate = Of(evaluateLate, round).FirstOrDefault() ?? [],
        Unchanged = Of(modelsKept, round).FirstOrDefault(),
        LossDistributed = Last(lossesDistributed, round),
        LossCentralized = Last(lossesCentralized, round),
        MetricsDistributedFit = Of(fit, round),
        MetricsDistributed = Of(distributed, round),
        MetricsCentralized = Of(centralized, round),
        Staleness = Of(staleness, round).FirstOrDefault() ?? [],
        UpdatesRefused = Of(updatesRefused, round).FirstOrDefault(),
        UpdatesClipped = Of(updatesClipped, round).FirstOrDefault(),
    };

    /// <summary>The reports of all rounds that something is known of, in their order.</summary>
    public IReadOnlyList<RoundReport> Reports => [.. rounds.Select(Report)];

    /// <summary>The reports that changed since they were last asked for.</summary>
    internal IReadOnlyList<RoundReport> TakeChanged()
    {
        RoundReport[] reports = [.. changed.Select(Report)];
        changed.Clear();
        return reports;
    }

    internal void AddDistributed(int round, double loss) => Touched(round, lossesDistributed).Add(new(round, loss));

    internal void AddDistributed(int round, IReadOnlyDictionary<string, Scalar> metrics) => Add(Touched(round, distributed), round, metrics);

    internal void AddFit(int round, IReadOnlyDictionary<string, Scalar> metrics) => Add(Touched(round, fit), round, metrics);

    internal void AddTrained(int round, IReadOnlyList<string> clients, long numExamples) => Touched(round, trained)[round] = new(clients, numExamples);

    internal void AddElapsed(int round, TimeSpan time) => Touched(round, elapsed)[round] = time;

    internal void AddFitFailures(int round, IEnumerable<ClientFailure> failures) =>
        Touched(round, fitFailures).AddRange(failures.Select(failure => new RoundValue<ClientFailure>(round, failure)));

    internal void AddEvaluateFailures(int round, IEnumerable<ClientFailure> failures) =>
        Touched(round, evaluateFailures).AddRange(failures.Select(failure => new RoundValue<ClientFailure>(round, failure)));

    internal void AddFitLate(int round, IReadOnlyList<string> clients)
    {
        if (clients.Count > 0) Touched(round, fitLate).Add(new(round, clients));
    }

    internal void AddEvaluateLate(int round, IReadOnlyList<string> clients)
    {
        if (clients.Count > 0) Touched(round, evaluateLate).Add(new(round, clients));
    }

    internal void AddModelKept(int round, string why) => Touched(round, modelsKept).Add(new(round, why));

    internal void AddStaleness(int round, IReadOnlyList<int> updates) => Touched(round, staleness).Add(new(round, updates));

    internal void AddLimited(int round, int refused, int clipped)
    {
        if (refused > 0) Touched(round, updatesRefused).Add(new(round, refused));
        if (clipped > 0) Touched(round, updatesClipped).Add(new(round, clipped));
    }

    internal void AddCentralized(int round, CentralEvaluation evaluation)
    {
        Touched(round, lossesCentralized).Add(new(round, evaluation.Loss));
        Add(centralized, round, evaluation.Metrics ?? Metrics.None);
    }

    private void Add(RoundReport report)
    {
        var round = report.Round;
        AddTrained(round, report.Trained, report.NumExamples);
        AddElapsed(round, report.Elapsed);
        AddFitFailures(round, report.FitFailures);
        AddEvaluateFailures(round, report.EvaluateFailures);
        AddFitLate(round, report.FitLate);
        AddEvaluateLate(round, report.EvaluateLate);
        if (report.Unchanged is { } why) AddModelKept(round, why);
        if (report.LossDistributed is { } distributedLoss) AddDistributed(round, distributedLoss);
        if (report.LossCentralized is { } centralizedLoss) lossesCentralized.Add(new(round, centralizedLoss));
        AddFit(round, report.MetricsDistributedFit);
        AddDistributed(round, report.MetricsDistributed);
        Add(centralized, round, report.MetricsCentralized);
        if (report.Staleness.Count > 0) AddStaleness(round, report.Staleness);
        AddLimited(round, report.UpdatesRefused, report.UpdatesClipped);
    }

    private T Touched<T>(int round, T list)
    {
        rounds.Add(round);
        changed.Add(round);
        return list;
    }

    private static IEnumerable<T> Of<T>(List<RoundValue<T>> values, int round) => values.Where(value => value.Round == round).Select(value => value.Value);

    private static double? Last(List<RoundValue<double>> values, int round) => values.FindLastIndex(value => value.Round == round) is >= 0 and var i ? values[i].Value : null;

    private static ReadOnlyDictionary<string, Scalar> Of(Dictionary<string, IReadOnlyList<RoundValue<Scalar>>> table, int round)
    {
        var found = new OrderedDictionary<string, Scalar>(StringComparer.Ordinal);
        foreach (var (name, values) in table)
        {
            foreach (var value in values.Where(value => value.Round == round)) found[name] = value.Value;
        }
        return new ReadOnlyDictionary<string, Scalar>(found);
    }

    private static void Add(
        Dictionary<string, IReadOnlyList<RoundValue<Scalar>>> table, int round, IReadOnlyDictionary<string, Scalar> metrics)
    {
        foreach (var (name, value) in metrics)
        {
            if (!table.TryGetValue(name, out var values)) table[name] = values = new List<RoundValue<Scalar>>();
            ((List<RoundValue<Scalar>>)values).Add(new(round, value));
        }
    }

    private sealed record Training(IReadOnlyList<string> Clients, long NumExamples);
}
