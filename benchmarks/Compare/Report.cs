using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using ManagedFed.Benchmarks.Limits;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>The comparison as text, as Markdown and as JSON.</summary>
/// <param name="options">Where to write.</param>
/// <param name="problem">Why TorchSharp is not there, or null.</param>
internal sealed class Report(ComparisonOptions options, string? problem)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Machine, versions, date and settings.</summary>
    public string[] Header { get; } =
    [
        Machine.Description,
        problem is null
            ? $"ManagedFed against TorchSharp {TorchLibrary.Version}, in turn in one process; ratio = theirs / ours, above 1 we are faster."
            : $"TorchSharp's native library does not load, so only our side is measured: {problem}",
        $"{DateTime.UtcNow:yyyy-MM-dd}, medians of {options.Samples} samples of about 40 ms (one call at least), ± the distance between the quartiles; "
            + "single operations are evaluated one by one and their results disposed of, training steps are compiled and read their loss.",
        "Settings: tiered compilation on, profile-guided tiering off, workstation collector, not concurrent; a collection and 20 ms of "
            + "rest before each sample.",
        "Of limit: the least time at the measured FMA peak (products, training) or at the bandwidth measured for arrays of that size "
            + "(inputs read once, output written once), relative to ours.",
    ];

    /// <summary>The heads of the columns of <see cref="Line"/>.</summary>
    public static string Columns =>
        $"{"work",-50} threads       ours      ±     theirs      ±   ratio  of limit  bytes/call";

    public static string Line(Measurement row)
    {
        var theirs = row.Theirs is { } timing ? $"{Figures.Time(timing.Median),11}{Percent(timing.Spread),7}{Ratio(row),8}" : $"{"-",11}{"-",7}{"-",8}";
        return $"{row.Work,-50}{row.Threads,8}{Figures.Time(row.Ours.Median),11}{Percent(row.Ours.Spread),7}{theirs}{Percent(row.OfLimit),10}"
            + $"{row.BytesPerCall.ToString("0", CultureInfo.InvariantCulture),12}{(row.Difference is null ? "" : "  RESULTS DIFFER")}";
    }

    /// <summary>Writes the files that were asked for.</summary>
    public void Write(List<Measurement> rows, string[] notes)
    {
        if (options.Json is { } json) File.WriteAllText(json, ToJson(rows));
        if (options.Results is { } results)
        {
            var folder = Path.Combine(results, Machine.Folder);
            var name = Path.Combine(folder, DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            Directory.CreateDirectory(folder);
            File.WriteAllText(name + ".json", ToJson(rows));
            File.WriteAllText(name + ".md", ToMarkdown(rows, notes));
            Console.WriteLine($"Wrote {name}.md and .json.");
        }
        if (options.Readme is { } readme) ReplaceTable(readme, Summary(rows));
    }

    private static string ToJson(List<Measurement> rows) => JsonSerializer.Serialize(
        rows.Select(row => new
        {
            row.Work,
            row.Threads,
            OursUs = Math.Round(row.Ours.Median, 3),
            TheirsUs = row.Theirs is { } theirs ? Math.Round(theirs.Median, 3) : (double?)null,
            Ratio = row.Ratio is { } ratio ? Math.Round(ratio, 3) : (double?)null,
            OfLimit = Math.Round(row.OfLimit, 4),
        }),
        Json) + "\n";

    private string ToMarkdown(List<Measurement> rows, string[] notes) =>
        $"""
        # {Machine.Processor}, {DateTime.UtcNow:yyyy-MM-dd}

        {string.Join("\n", Header.Select(line => "- " + line))}

        | work | threads | ours | ± | TorchSharp | ± | ratio | of limit | bytes per call |
        |---|---:|---:|---:|---:|---:|---:|---:|---:|
        {string.Join("\n", rows.Select(row => $"| {row.Work}{(row.Difference is null ? "" : " (results differ)")} | {row.Threads} "
            + $"| {Figures.Time(row.Ours.Median)} | {Percent(row.Ours.Spread)} "
            + $"| {(row.Theirs is { } theirs ? $"{Figures.Time(theirs.Median)} | {Percent(theirs.Spread)}" : "- | -")} | {Ratio(row)} "
            + $"| {Percent(row.OfLimit)} | {row.BytesPerCall.ToString("0", CultureInfo.InvariantCulture)} |"))}

        {string.Join("\n", notes.Select(line => "- " + line))}

        """;

    /// <summary>A line for each work with the times and the ratio at each number of threads.</summary>
    private static string Summary(List<Measurement> rows)
    {
        int[] threads = [.. rows.Select(row => row.Threads).Distinct()];
        var heads = threads.Select(count => $" ours, {count} thread{(count == 1 ? "" : "s")} | TorchSharp | ratio |");
        var lines = rows.GroupBy(row => row.Work).Select(group => $"| {group.Key} |" + string.Concat(group.Select(row =>
            $" {Figures.Time(row.Ours.Median)} | {(row.Theirs is { } theirs ? Figures.Time(theirs.Median) : "-")} | {Ratio(row)} |")));
        return $"| work |{string.Concat(heads)}\n|---|{string.Concat(threads.Select(_ => "---:|---:|---:|"))}\n{string.Join("\n", lines)}";
    }

    private static void ReplaceTable(string file, string table)
    {
        const string start = "<!-- compare: start -->\n", end = "\n<!-- compare: end -->";
        var text = File.ReadAllText(file);
        var (from, to) = (text.IndexOf(start, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal));
        if (from < 0 || to < from) throw new FormatException($"{file} has no table between '{start.Trim()}' and '{end.Trim()}'");
        File.WriteAllText(file, text[..(from + start.Length)] + table + text[to..]);
    }

    private static string Ratio(Measurement row) => row.Ratio is { } ratio ? Figures.Text($"{ratio:0.00}") : "-";

    private static string Percent(double share) => Figures.Text($"{100 * share:0} %");
}
