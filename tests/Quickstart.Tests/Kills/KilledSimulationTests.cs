using System.Diagnostics;
using System.Security.Cryptography;
using ManagedFed.Federation;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>A simulation whose process is killed as by <c>kill -9</c>, and started again by the same command, ends with the model of one that was not.</summary>
public sealed class KilledSimulationTests(ReducedMnist data) : IClassFixture<ReducedMnist>
{
    private const int Rounds = 8;

    // Far above what a run takes; only keeps a broken one from hanging the tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Six clients a round, so that a round has nine lines in the journal: its beginning, its updates, its report and its state.</summary>
    [Theory]
    [InlineData("fedadam", 30)]
    [InlineData("scaffold", 14, 47)]
    public async Task Simulate_KilledOnceTheJournalHasSoManyLines_EndsAsWithoutTheKill(string strategy, params int[] lines)
    {
        var (killed, whole) = (data.NewFile(""), data.NewFile(""));
        foreach (var line in lines)
        {
            using var limit = new CancellationTokenSource(Limit);
            using var process = Start(strategy, killed);
            var said = process.StandardError.ReadToEndAsync(limit.Token);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
            while (KilledFederation.JournalLines(killed) < line)
            {
                Assert.False(process.HasExited, process.HasExited ? await said : "");
                await timer.WaitForNextTickAsync(limit.Token);
            }
            process.Kill();
            await process.WaitForExitAsync(limit.Token);
        }
        foreach (var folder in new[] { killed, whole })
        {
            using var limit = new CancellationTokenSource(Limit);
            using var process = Start(strategy, folder);
            var (output, said) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            Assert.True(process.ExitCode == 0, await output + await said);
        }
        Assert.Equal(HashOf(whole), HashOf(killed));
    }

    private Process Start(string strategy, string folder) => SampleProgram.Start(
        "simulate", "--dataset", data.Folder, "--clients", "30", "--fraction", "0.2", "--rounds", $"{Rounds}", "--model", "mlp", "--strategy", strategy, "--run", folder);

    private static string HashOf(string folder)
    {
        var state = RunStore.Inspect(folder)!;
        Assert.Equal(Rounds, state.Round);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var payload in state.Parameters.Payloads) hash.AppendData(payload.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
