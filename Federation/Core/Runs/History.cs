using System.Globalization;
using System.Text;
using System.Text.Json;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>A value and the round it belongs to.</summary>
/// <typeparam name="T">The kind of value.</typeparam>
/// <param name="Round">The round, 0 before the first.</param>
/// <param name="Value">The value.</param>
public readonly record struct RoundValue<T>(int Round, T Value);

/// <summary>What a run measured, round by round, and the model it ended with.</summary>
public sealed partial class History
{
    private readonly List<RoundValue<double>> lossesDistributed = [], lossesCentralized = [];
    private readonly List<RoundValue<IReadOnlyList<int>>> staleness = [];
    private readonly List<RoundValue<int>> updatesRefused = [], updatesClipped = [];
    private readonly List<RoundValue<ClientFailure>> fitFailures = [], evaluateFailures = [];
    private readonly List<RoundValue<IReadOnlyList<string>>> fitLate = [], evaluateLate = [];
    private readonly List<RoundValue<string>> modelsKept = [];
    private readonly Dictionary<string, IReadOnlyList<RoundValue<Scalar>>> fit = [], distributed = [], centralized = [];

    private readonly Dictionary<int, Training> trained = [];
    private readonly Dictionary<int, TimeSpan> elapsed = [];
    private readonly SortedSet<int> rounds = [], changed = [];

    internal History(Parameters initial) => FinalParameters = initial;

    /// <summary>The history of a run that is gone on with.</summary>
    internal static History Of(RunState state)
    {
        var history = new History(state.Parameters);
        foreach (var report in state.Reports) history.Add(report);
        history.changed.Clear();
        history.Elapsed = new(state.Reports.Sum(report => report.Elapsed.Ticks));
        return history;
    }

    /// <summary>The clients' weighted loss by round.</summary>
    public IReadOnlyList<RoundValue<double>> LossesDistributed => lossesDistributed;

    /// <summary>The loss measured on the server by round, from round 0.</summary>
    public IReadOnlyList<RoundValue<double>> LossesCentralized => lossesCentralized;

    /// <summary>The combined metrics of training, by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> MetricsDistributedFit => fit;

    /// <summary>The combined metrics of evaluation, by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> MetricsDistributed => distributed;

    /// <summary>The metrics measured on the server, by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<RoundValue<Scalar>>> MetricsCentralized => centralized;

    /// <summary>How old each update of a step was, in the order they came; of a run with an <see cref="AsyncStrategy"/>, else empty.</summary>
    public IReadOnlyList<RoundValue<IReadOnlyList<int>>> Staleness => staleness;

    /// <summary>How many updates did not count because of <see cref="UpdateLimits.Zeroing"/>; rounds without any are left out.</summary>
    public IReadOnlyList<RoundValue<int>> UpdatesRefused => updatesRefused;

    /// <summary>How many updates <see cref="UpdateLimits.Clipping"/> shortened; rounds without any are left out.</summary>
    public IReadOnlyList<RoundValue<int>> UpdatesClipped => updatesClipped;

    /// <summary>The clients whose training did not count, and why; one item for each.</summary>
    public IReadOnlyList<RoundValue<ClientFailure>> FitFailures => fitFailures;

    /// <summary>The clients whose evaluation did not count, and why; one item for each.</summary>
    public IReadOnlyList<RoundValue<ClientFailure>> EvaluateFailures => evaluateFailures;

    /// <summary>The clients that were asked to train, or would have been, and were not waited for, by round; rounds that waited for all are left out.</summary>
    public IReadOnlyList<RoundValue<IReadOnlyList<string>>> FitLate => fitLate;

    /// <summary>The same of evaluation.</summary>
    public IReadOnlyList<RoundValue<IReadOnlyList<string>>> EvaluateLate => evaluateLate;

    /// <summary>The rounds that made no new model, and why.</summary>
    public IReadOnlyList<RoundValue<string>> ModelsKept => modelsKept;

    /// <summary>The global model after the last round.</summary>
    public Parameters FinalParameters { get; internal set; }

    /// <summary>The time from the first round's start to the last one's end.</summary>
    public TimeSpan Elapsed { get; internal set; }


    /// <summary>Writes the history as one JSON object; each list has items <c>[round, value]</c>.</summary>
    /// <remarks>
    /// <c>losses_distributed</c> and <c>losses_centralized</c> are lists; <c>metrics_distributed_fit</c>, <c>metrics_distributed</c>
    /// and <c>metrics_centralized</c> are objects with a list per name. A number that is not finite becomes null. After a run without
    /// rounds <c>staleness</c> is a list whose values are the lists of <see cref="Staleness"/>. Where limits had
    /// an effect there are <c>updates_refused</c> and <c>updates_clipped</c>, and where clients failed <c>failures_fit</c> and
    /// <c>failures_evaluate</c>, whose values are objects of <c>client</c>, <c>peer</c>, <c>reason</c> and <c>message</c>; rounds without a new
    /// model are in <c>models_kept</c>, and names of clients that rounds did not wait for in <c>late_fit</c> and <c>late_evaluate</c>.
    /// </remarks>
    public void WriteJson(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        WriteList(json, "losses_distributed", lossesDistributed, WriteNumber);
        WriteMetrics(json, "metrics_distributed_fit", fit);
        WriteMetrics(json, "metrics_distributed", distributed);
        WriteList(json, "losses_centralized", lossesCentralized, WriteNumber);
        WriteMetrics(json, "metrics_centralized", centralized);
        if (staleness.Count > 0) WriteList(json, "staleness", staleness, WriteNumbers);
        if (updatesRefused.Count > 0) WriteList(json, "updates_refused", updatesRefused, static (json, count) => json.WriteNumberValue(count));
        if (updatesClipped.Count > 0) WriteList(json, "updates_clipped", updatesClipped, static (json, count) => json.WriteNumberValue(count));
        if (fitFailures.Count > 0) WriteList(json, "failures_fit", fitFailures, WriteFailure);
        if (evaluateFailures.Count > 0) WriteList(json, "failures_evaluate", evaluateFailures, WriteFailure);
        if (fitLate.Count > 0) WriteList(json, "late_fit", fitLate, WriteNames);
        if (evaluateLate.Count > 0) WriteList(json, "late_evaluate", evaluateLate, WriteNames);
        if (modelsKept.Count > 0) WriteList(json, "models_kept", modelsKept, static (json, why) => json.WriteStringValue(why));
        json.WriteEndObject();
    }

    /// <summary>Writes the history as JSON to a file, which holds its old content until the new one is complete on disk; see <see cref="WriteJson(Stream)"/>.</summary>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public void WriteJson(string path) => AtomicFile.Write(path, WriteJson);

    /// <summary>The history for people, six digits to a number; sections without values are left out.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Numbers("loss, distributed", lossesDistributed);
        Numbers("loss, centralized", lossesCentralized);
        Values("metrics, distributed, fit", fit);
        Values("metrics, distributed, evaluate", distributed);
        Values("metrics, centralized", centralized);
        if (staleness.Count > 0) text.Append("History (staleness):\n");
        foreach (var (round, ages) in staleness.Where(step => step.Value.Count > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"    round {round}: mean {ages.Average():G6}, most {ages.Max()}\n");
        }
        Numbers("updates, refused", updatesRefused);
        Numbers("updates, clipped", updatesClipped);
        Failures("failures, fit", fitFailures);
        Failures("failures, evaluate", evaluateFailures);
        Late("late, fit", fitLate);
        Late("late, evaluate", evaluateLate);
        if (modelsKept.Count > 0) text.Append("History (models kept):\n");
        foreach (var (round, why) in modelsKept) text.Append(CultureInfo.InvariantCulture, $"    round {round}: {why}\n");
        return text.ToString().TrimEnd();

        void Numbers<T>(string title, List<RoundValue<T>> numbers) where T : IFormattable
        {
            if (numbers.Count == 0) return;
            text.Append(CultureInfo.InvariantCulture, $"History ({title}):\n");
            foreach (var (round, number) in numbers) text.Append(CultureInfo.InvariantCulture, $"    round {round}: {number:G6}\n");
        }

        void Failures(string title, List<RoundValue<ClientFailure>> failures)
        {
            if (failures.Count == 0) return;
            text.Append(CultureInfo.InvariantCulture, $"History ({title}):\n");
            foreach (var round in failures.GroupBy(failure => failure.Round))
            {
                text.Append(CultureInfo.InvariantCulture, $"    round {round.Key}: {NameList.Summary([.. round.Select(failure => failure.Value)])}\n");
            }
        }

        void Late(string title, List<RoundValue<IReadOnlyList<string>>> rounds)
        {
            if (rounds.Count == 0) return;
            text.Append(CultureInfo.InvariantCulture, $"History ({title}):\n");
            foreach (var (round, names) in rounds) text.Append(CultureInfo.InvariantCulture, $"    round {round}: {names.Count} ({NameList.Few(names)})\n");
        }

        void Values(string title, Dictionary<string, IReadOnlyList<RoundValue<Scalar>>> metrics)
        {
            if (metrics.Count == 0) return;
            text.Append(CultureInfo.InvariantCulture, $"History ({title}):\n");
            foreach (var (name, values) in metrics)
            {
                text.Append(CultureInfo.InvariantCulture, $"    {name}:\n");
                foreach (var (round, value) in values)
                {
                    var shown = value.Kind == ScalarKind.Double ? value.AsDouble().ToString("G6", CultureInfo.InvariantCulture) : value.ToString();
                    text.Append(CultureInfo.InvariantCulture, $"        round {round}: {shown}\n");
                }
            }
        }
    }

    private static void WriteMetrics(Utf8JsonWriter json, string name, Dictionary<string, IReadOnlyList<RoundValue<Scalar>>> metrics)
    {
        json.WriteStartObject(name);
        foreach (var (key, values) in metrics) WriteList(json, key, values, WriteScalar);
        json.WriteEndObject();
    }

    private static void WriteList<T>(Utf8JsonWriter json, string name, IEnumerable<RoundValue<T>> values, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var (round, value) in values)
        {
            json.WriteStartArray();
            json.WriteNumberValue(round);
            write(json, value);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    private static void WriteScalar(Utf8JsonWriter json, Scalar value)
    {
        switch (value.Kind)
        {
            case ScalarKind.Double: WriteNumber(json, value.AsDouble()); break;
            case ScalarKind.Int64: json.WriteNumberValue(value.AsInt64()); break;
            case ScalarKind.UInt64: json.WriteNumberValue(value.AsUInt64()); break;
            case ScalarKind.Bool: json.WriteBooleanValue(value.AsBool()); break;
            case ScalarKind.String: json.WriteStringValue(value.AsString()); break;
            case ScalarKind.List:
                json.WriteStartArray();
                foreach (var item in value.AsList().Items) WriteScalar(json, item);
                json.WriteEndArray();
                break;
            default: json.WriteBase64StringValue(value.AsBytes().Span); break;
        }
    }

    private static void WriteFailure(Utf8JsonWriter json, ClientFailure failure)
    {
        json.WriteStartObject();
        json.WriteString("client", failure.Client.Name);
        json.WriteString("peer", failure.Client.Peer);
        json.WriteString("reason", failure.Reason.ToString());
        json.WriteString("message", failure.Message);
        json.WriteEndObject();
    }

    private static void WriteNames(Utf8JsonWriter json, IReadOnlyList<string> names)
    {
        json.WriteStartArray();
        foreach (var name in names) json.WriteStringValue(name);
        json.WriteEndArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, IReadOnlyList<int> values)
    {
        json.WriteStartArray();
        foreach (var value in values) json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    private static void WriteNumber(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteNullValue();
    }
}
