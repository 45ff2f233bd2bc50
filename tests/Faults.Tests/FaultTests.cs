using System.Diagnostics;
using System.Text;
using Xunit;

namespace ManagedFed.Faults.Tests;

/// <summary>Runs under faults: every server, client, message, timer and write of them happens when a seed says.</summary>
public sealed class FaultTests
{
    /// <summary>Far above what a busy machine needs.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(15);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Schedules_2000_EndAsWithoutFaults()
    {
        var (status, output) = await RunAsync("2000", "1");
        Assert.True(status == 0, output);
        Assert.Contains("2000 schedules from seed 1: 0 broken", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schedules_WorkedTwice_HappenAlike()
    {
        var (status, output) = await RunAsync("--replay", "200", "500001");
        Assert.True(status == 0, output);
        Assert.Contains("200 schedules from seed 500001: 0 broken", output, StringComparison.Ordinal);
    }

    /// <summary>In another process, too: what is printed for a seed is all of it.</summary>
    [Fact]
    public async Task Schedule_ByItsSeed_TellsTheSameStoryInEveryProcess()
    {
        var (status, first) = await RunAsync("--seed", "17");
        Assert.True(status == 0, first);
        var (_, second) = await RunAsync("--seed", "17");
        Assert.Contains("the server starts", first, StringComparison.Ordinal);
        Assert.Equal(LastLine(first), LastLine(second));
    }

    /// <summary>A disk that loses what it said was flushed is found out, and the seed is named by which to see it again.</summary>
    [Fact]
    public async Task Schedules_OnADiskThatLies_AreBrokenAndNameTheirSeeds()
    {
        var (status, output) = await RunAsync("--blind", "400", "1");
        Assert.Equal(1, status);
        Assert.Matches(@"seed \d+ is broken: client \d+ is asked for round \d+, and its update was accepted already\r?\n +again: tests/Faults/run --blind --seed \d+", output);
    }

    private static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];

    private static async Task<(int Status, string Output)> RunAsync(params string[] arguments)
    {
        using var program = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ManagedFed.Faults.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        })!;
        try
        {
            var (output, error) = (program.StandardOutput.ReadToEndAsync(Token), program.StandardError.ReadToEndAsync(Token));
            await program.WaitForExitAsync(Token).WaitAsync(Bound, Token);
            return (program.ExitCode, await output + await error);
        }
        finally
        {
            program.Kill();
        }
    }
}
