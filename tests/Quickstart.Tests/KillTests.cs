using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>Servers and clients that are killed as by <c>kill -9</c> and started again, until the run ends as without the kill: the model to the bit.</summary>
/// <remarks>MANAGEDFED_KILLS says how many kill points are tried; the default keeps the tests short.</remarks>
public sealed partial class KillTests(ReducedMnist data) : IClassFixture<ReducedMnist>
{
    private const int Rounds = 4;

    // Far above what a run takes; only keeps a broken one from hanging the tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private static int Kills => int.Parse(Environment.GetEnvironmentVariable("MANAGEDFED_KILLS") ?? "3", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Run_KilledAtAnyLineOfItsJournal_EndsAsWithoutTheKill()
    {
        var whole = data.NewFile("");
        using (var run = new Federation(data, whole)) await run.EndAsync();
        var expected = await HashAsync(whole);
        var lines = JournalLines(whole);
        Assert.True(lines > 3 * Rounds, $"{lines} lines");

        for (var kill = 0; kill < Kills; kill++)
        {
            // Spread over the run; in between the server and a client take turns.
            var at = 1 + kill * (lines - 1) / Kills;
            var folder = data.NewFile("");
            using var run = new Federation(data, folder);
            await run.WaitForLinesAsync(folder, at);
            if (kill % 2 == 0) run.KillServer();
            else run.KillClient(kill / 2 % 2);
            await run.EndAsync();
            Assert.True(expected == await HashAsync(folder), $"killed at line {at} of {lines}: the model is another one");
        }
    }

    [Fact]
    public async Task Server_OnAFolderInUse_IsRefused()
    {
        var folder = data.NewFile("");
        using var run = new Federation(data, folder);
        await run.WaitForLinesAsync(folder, 1);
        var second = await SampleProgram.RunAsync("server", "--address", "127.0.0.1:0", "--run", folder, "--dataset", data.Folder, "--output", data.NewFile(".npz"));

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("is in use", second.Error, StringComparison.Ordinal);
        await run.EndAsync();
    }

    private static async Task<string> HashAsync(string folder)
    {
        var shown = await SampleProgram.RunAsync("inspect", folder);
        Assert.True(shown.ExitCode == 0, shown.Error);
        Assert.Contains($"{Rounds} round(s)", shown.Output, StringComparison.Ordinal);
        return Hash().Match(shown.Output).Groups[1].Value is { Length: 64 } hash ? hash : throw new InvalidOperationException(shown.Output);
    }

    private static int JournalLines(string folder)
    {
        var journal = Path.Combine(folder, "journal");
        if (!File.Exists(journal)) return 0;
        using var file = new FileStream(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Count(letter => letter == '\n');
    }

    [GeneratedRegex("SHA-256 ([0-9a-f]{64})")]
    private static partial Regex Hash();

    /// <summary>A server that keeps its run and two clients with names, each a process.</summary>
    private sealed class Federation : IDisposable
    {
        private readonly Process[] clients = new Process[2];
        private readonly string[] serverArguments;
        private readonly Func<int, string[]> clientArguments;
        private Process server;

        public Federation(ReducedMnist data, string folder)
        {
            var address = LoopbackPort.Address();
            serverArguments = ["server", "--address", address, "--rounds", $"{Rounds}", "--run", folder, "--dataset", data.Folder, "--output", data.NewFile(".npz")];
            clientArguments = k => ["client", "--address", address, "--node-id", $"{k}", "--name", $"part-{k}", "--dataset", data.Folder, "--batch-size", "32", "--max-wait", "30"];
            server = Start(serverArguments);
            for (var k = 0; k < clients.Length; k++) clients[k] = Start(clientArguments(k));
        }

        public async Task WaitForLinesAsync(string folder, int lines)
        {
            using var limit = new CancellationTokenSource(Limit);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
            while (JournalLines(folder) < lines) await timer.WaitForNextTickAsync(limit.Token);
        }

        public void KillServer() => server = Again(server, serverArguments);

        public void KillClient(int k) => clients[k] = Again(clients[k], clientArguments(k));

        /// <summary>Waits until the server has ended its run.</summary>
        public async Task EndAsync()
        {
            using var limit = new CancellationTokenSource(Limit);
            await server.WaitForExitAsync(limit.Token);
            Assert.Equal(0, server.ExitCode);
        }

        public void Dispose()
        {
            foreach (var process in (Process[])[server, .. clients])
            {
                if (!process.HasExited) process.Kill();
                process.Dispose();
            }
        }

        private static Process Again(Process process, string[] arguments)
        {
            process.Kill();
            process.WaitForExit(Limit);
            process.Dispose();
            return Start(arguments);
        }

        private static Process Start(string[] arguments)
        {
            var process = SampleProgram.Start(arguments);
            // What it prints is not looked at, but a full pipe would stop it.
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return process;
        }
    }
}
