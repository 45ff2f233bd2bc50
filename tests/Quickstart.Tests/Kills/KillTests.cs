using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ManagedFed.Federation;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>Servers and clients that are killed as by <c>kill -9</c> and started again, until the run ends as without the kill: the model to the bit.</summary>
/// <remarks>MANAGEDFED_KILLS says how many cases are tried, see <c>tests/kills/run</c>; the default keeps the tests short.</remarks>
public sealed class KillTests(ReducedMnist data) : IClassFixture<ReducedMnist>
{
    private readonly NodeKeyFiles keys = new(data.NewFile(""), 2);

    private static int Kills => Number("MANAGEDFED_KILLS", 3);

    private static int AtOnce => Number("MANAGEDFED_KILLS_AT_ONCE", 1);

    [Fact]
    public async Task Run_KilledAnywhere_EndsAsWithoutTheKill()
    {
        var whole = new ConcurrentDictionary<(bool, string), Lazy<Task<(string Hash, int Lines)>>>();
        var results = new ConcurrentBag<(KillCase Case, string? Problem)>();
        await Parallel.ForEachAsync(KillCase.First(Kills), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (which, _) =>
        {
            var (hash, lines) = await whole.GetOrAdd((which.IsFleet, which.Strategy), _ => new(() => WholeAsync(which.IsFleet, which.Strategy))).Value;
            results.Add((which, await ProblemAsync(which, hash, lines)));
            Say(Table(results));
        });

        var problems = results.Where(result => result.Problem is not null).ToArray();
        Assert.True(problems.Length == 0, $"{Table(results)}{string.Join('\n', problems.Select(result => $"{result.Case}: {result.Problem}"))}");
        Assert.Equal(Kills, results.Count);
    }

    [Fact]
    public async Task Inspect_OfARun_ShowsItsModelsHash()
    {
        var folder = data.NewFile("");
        using (var run = new KilledFederation(data, keys, folder, false, "fedavg")) Assert.Equal(0, await run.EndAsync());
        var shown = await SampleProgram.RunAsync("inspect", folder);

        Assert.True(shown.ExitCode == 0, shown.Error);
        Assert.Contains($"{KilledFederation.Rounds} round(s)", shown.Output, StringComparison.Ordinal);
        Assert.Contains($"SHA-256 {HashOf(folder)}", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_OnAFolderInUse_IsRefused()
    {
        var folder = data.NewFile("");
        using var run = new KilledFederation(data, keys, folder, false, "fedavg");
        await run.WaitForLinesAsync(1);
        var second = await SampleProgram.RunAsync("server", "--address", "127.0.0.1:0", "--run", folder, "--dataset", data.Folder, "--output", data.NewFile(".npz"));

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("is in use", second.Error, StringComparison.Ordinal);
        Assert.Equal(0, await run.EndAsync());
    }

    /// <summary>The model of a run that nobody disturbs, and how long its journal is.</summary>
    private async Task<(string Hash, int Lines)> WholeAsync(bool isFleet, string strategy)
    {
        var folder = data.NewFile("");
        using var run = new KilledFederation(data, keys, folder, isFleet, strategy);
        Assert.True(await run.EndAsync() == 0, run.Said);
        var lines = KilledFederation.JournalLines(folder);
        Assert.True(lines > 3 * KilledFederation.Rounds, $"{lines} lines");
        return (HashOf(folder), lines);
    }

    /// <summary>What is wrong with a run that was killed; null when its model is the same.</summary>
    private async Task<string?> ProblemAsync(KillCase which, string hash, int lines)
    {
        var folder = data.NewFile("");
        using var run = new KilledFederation(data, keys, folder, which.IsFleet, which.Strategy);
        var line = which.Line(lines);
        try
        {
            await run.KillAsync(which, line);
            if (await run.EndAsync() is not 0 and var code) return $"at line {line} of {lines}: exit code {code}\n{run.Said}";
        }
        catch (OperationCanceledException)
        {
            return $"at line {line} of {lines}: no end within the limit\n{run.Said}";
        }
        var found = HashOf(folder);
        Directory.Delete(folder, recursive: true);
        return found == hash ? null : $"at line {line} of {lines}: model {found[..8]} in place of {hash[..8]}\n{run.Said}";
    }

    private static string HashOf(string folder)
    {
        var state = RunStore.Inspect(folder)!;
        Assert.Equal(KilledFederation.Rounds, state.Round);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var payload in state.Parameters.Payloads) hash.AppendData(payload.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>How many of how many ended with the same bits, by wire, strategy and victim.</summary>
    private static string Table(IReadOnlyCollection<(KillCase Case, string? Problem)> results)
    {
        var text = new StringBuilder("| wire | strategy | server | client | both |\n|---|---|---:|---:|---:|\n");
        foreach (var (wire, strategy) in new[] { "stream", "Fleet" }.SelectMany(wire => KillCase.Strategies.Select(strategy => (wire, strategy))))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {wire} | {strategy} |");
            foreach (var victim in Enum.GetValues<Victim>())
            {
                text.Append(CultureInfo.InvariantCulture, $" {Count(result => result.Case.Wire == wire && result.Case.Strategy == strategy && result.Case.Victim == victim)} |");
            }
            text.Append('\n');
        }
        return text.Append(CultureInfo.InvariantCulture, $"Identical to the bit: {Count(_ => true)}\n").ToString();

        string Count(Func<(KillCase Case, string? Problem), bool> some)
        {
            var chosen = results.Where(some).ToArray();
            return $"{chosen.Count(result => result.Problem is null)} of {chosen.Length}";
        }
    }

    private static void Say(string table)
    {
        if (Environment.GetEnvironmentVariable("MANAGEDFED_KILLS_TABLE") is { } file) IO.AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(table)));
    }

    private static int Number(string variable, int missing) =>
        Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : missing;
}
