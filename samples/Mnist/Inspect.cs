using System.Globalization;
using System.Security.Cryptography;
using ManagedFed.Federation;

namespace ManagedFed.Samples.Mnist;

/// <summary>Shows a run that is kept in a folder.</summary>
internal static class Inspect
{
    public static Task RunAsync(string folder, TextWriter output)
    {
        if (RunStore.Inspect(folder) is not { } run) throw new UserException($"{folder} holds no run yet");
        output.WriteLine($"Run {run.RunId}, {run.Round} round(s)");
        output.WriteLine("round  trained  failed     examples        loss    accuracy");
        foreach (var report in run.Reports)
        {
            var loss = report.LossDistributed ?? report.LossCentralized;
            var accuracy = report.MetricsDistributed.TryGetValue("accuracy", out var value) || report.MetricsCentralized.TryGetValue("accuracy", out value) ? value.AsDouble() : default(double?);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{report.Round,5}{report.Trained.Count,9}{report.FitFailures.Count,8}{report.NumExamples,13}{Cell(loss),12}{Cell(accuracy),12}  {report.Unchanged}").TrimEnd());
        }
        foreach (var (client, rounds) in run.Reports.SelectMany(report => report.Trained).CountBy(client => client).OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{client} trained in {rounds} round(s)"));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Model: {run.Parameters.Count} arrays, {run.Parameters.Arrays.Sum(array => array.Count)} parameters, SHA-256 {Hash(run.Parameters)}"));
        return Task.CompletedTask;

        static string Cell(double? value) => value?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "-";
    }

    private static string Hash(Parameters model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var payload in model.Payloads) hash.AppendData(payload.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
