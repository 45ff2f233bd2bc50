using System.Text.Json;

namespace ManagedFed.Federation;

/// <summary>A round's report as JSON, in the journal of a run.</summary>
internal static class RoundReportJson
{
    public static void Write(Utf8JsonWriter json, RoundReport report)
    {
        json.WriteStartObject();
        json.WriteNumber("round", report.Round);
        Strings(json, "trained", report.Trained);
        json.WriteNumber("examples", report.NumExamples);
        Failures(json, "fit_failures", report.FitFailures);
        Failures(json, "evaluate_failures", report.EvaluateFailures);
        Strings(json, "fit_late", report.FitLate);
        Strings(json, "evaluate_late", report.EvaluateLate);
        if (report.Unchanged is { } unchanged) json.WriteString("unchanged", unchanged);
        var losses = new Dictionary<string, Scalar>();
        if (report.LossDistributed is { } distributed) losses["distributed"] = distributed;
        if (report.LossCentralized is { } centralized) losses["centralized"] = centralized;
        Scalars(json, "losses", losses);
        Scalars(json, "metrics_distributed_fit", report.MetricsDistributedFit);
        Scalars(json, "metrics_distributed", report.MetricsDistributed);
        Scalars(json, "metrics_centralized", report.MetricsCentralized);
        json.WriteStartArray("staleness");
        foreach (var age in report.Staleness) json.WriteNumberValue(age);
        json.WriteEndArray();
        json.WriteNumber("updates_refused", report.UpdatesRefused);
        json.WriteNumber("updates_clipped", report.UpdatesClipped);
        json.WriteNumber("elapsed_ticks", report.Elapsed.Ticks);
        json.WriteEndObject();
    }

    public static RoundReport Read(JsonElement json)
    {
        var losses = ScalarJson.ReadAll(json.GetProperty("losses"));
        return new(json.GetProperty("round").GetInt32())
        {
            Trained = Strings(json.GetProperty("trained")),
            FitLate = Strings(json.GetProperty("fit_late")),
            EvaluateLate = Strings(json.GetProperty("evaluate_late")),
            NumExamples = json.GetProperty("examples").GetInt64(),
            FitFailures = Failures(json.GetProperty("fit_failures")),
            EvaluateFailures = Failures(json.GetProperty("evaluate_failures")),
            Unchanged = json.TryGetProperty("unchanged", out var unchanged) ? unchanged.GetString() : null,
            LossDistributed = losses.TryGetValue("distributed", out var distributed) ? distributed.AsDouble() : null,
            LossCentralized = losses.TryGetValue("centralized", out var centralized) ? centralized.AsDouble() : null,
            MetricsDistributedFit = ScalarJson.ReadAll(json.GetProperty("metrics_distributed_fit")),
            MetricsDistributed = ScalarJson.ReadAll(json.GetProperty("metrics_distributed")),
            MetricsCentralized = ScalarJson.ReadAll(json.GetProperty("metrics_centralized")),
            Staleness = [.. json.GetProperty("staleness").EnumerateArray().Select(age => age.GetInt32())],
            UpdatesRefused = json.GetProperty("updates_refused").GetInt32(),
            UpdatesClipped = json.GetProperty("updates_clipped").GetInt32(),
            Elapsed = TimeSpan.FromTicks(json.GetProperty("elapsed_ticks").GetInt64()),
        };
    }

    private static void Strings(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(name => name.GetString()!)];

    private static void Scalars(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, Scalar> values)
    {
        json.WritePropertyName(name);
        ScalarJson.Write(json, values);
    }

    private static void Failures(Utf8JsonWriter json, string name, IReadOnlyList<ClientFailure> failures)
    {
        json.WriteStartArray(name);
        foreach (var (client, reason, message) in failures)
        {
            json.WriteStartObject();
            json.WriteString("id", client.Id);
            json.WriteString("peer", client.Peer);
            json.WriteString("reason", reason.ToString());
            json.WriteString("message", message);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static ClientFailure[] Failures(JsonElement list) =>
    [
        .. list.EnumerateArray().Select(failure => new ClientFailure(
            new(failure.GetProperty("id").GetString()!, failure.GetProperty("peer").GetString()!),
            Enum.Parse<FailureReason>(failure.GetProperty("reason").GetString()!), failure.GetProperty("message").GetString()!)),
    ];
}
