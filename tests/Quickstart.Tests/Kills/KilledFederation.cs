using System.Collections.Concurrent;
using System.Diagnostics;

namespace ManagedFed.Quickstart.Tests;

/// <summary>A server that keeps its run and two clients that it knows again, each a process that may be killed and started again.</summary>
internal sealed class KilledFederation : IDisposable
{
    public const int Rounds = 3;

    // Far above what a run takes; only keeps a broken one from hanging the tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly ConcurrentQueue<string> said = new();
    private readonly string folder;
    private readonly string[] serverArguments;
    private readonly string[][] clientArguments;
    private readonly Process[] clients;
    private Process server;

    public KilledFederation(ReducedMnist data, NodeKeyFiles keys, string folder, bool isFleet, string strategy)
    {
        this.folder = folder;
        var (address, fleet) = (LoopbackPort.Address(), isFleet ? LoopbackPort.Address() : "");
        serverArguments =
        [
            "server", "--address", address, "--rounds", $"{Rounds}", "--strategy", strategy, "--run", folder, "--dataset", data.Folder,
            "--return-timeout", $"{Limit.TotalSeconds}", "--output", data.NewFile(".npz"), "--threads", "1", .. isFleet ? ["--fleet", fleet, "--node-keys", keys.Public] : Array.Empty<string>(),
        ];
        clientArguments =
        [
            .. Enumerable.Range(0, 2).Select(k => (string[])
            [
                .. isFleet ? ["node", "--superlink", fleet, "--key", keys.Private[k], "--poll", "0.01"] : new[] { "client", "--address", address, "--name", $"part-{k}" },
                "--node-id", $"{k}", "--dataset", data.Folder, "--batch-size", "64", "--max-wait", $"{Limit.TotalSeconds}", "--threads", "1",
                .. strategy == "scaffold" ? ["--state", data.NewFile(".safetensors")] : Array.Empty<string>(),
            ]),
        ];
        server = Start(serverArguments);
        clients = [.. clientArguments.Select(Start)];
    }

    /// <summary>What the processes said, for a failure's message.</summary>
    public string Said => string.Join('\n', said);

    public static int JournalLines(string folder)
    {
        var journal = Path.Combine(folder, "journal");
        if (!File.Exists(journal)) return 0;
        using var file = new FileStream(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Count(letter => letter == '\n');
    }

    /// <summary>Waits until the journal has so many lines.</summary>
    public async Task WaitForLinesAsync(int lines)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (JournalLines(folder) < lines) await timer.WaitForNextTickAsync(limit.Token);
    }

    /// <summary>Kills and starts again, at the case's line and moment.</summary>
    public async Task KillAsync(KillCase which, int line)
    {
        await WaitForLinesAsync(line);
        using var limit = new CancellationTokenSource(Limit);
        if (which.Moment == Moment.Later)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(which.Milliseconds));
            await timer.WaitForNextTickAsync(limit.Token);
        }
        if (which.Moment == Moment.InAWrite) await NextWriteAsync(limit.Token);
        said.Enqueue($"-- {which}, line {line}");
        if (which.Victim != Victim.Client) Kill(server);
        if (which.Victim != Victim.Server) Kill(clients[which.Client]);
        PowerCut.Run(folder, which.Loss);
        if (which.Victim != Victim.Client) server = Start(serverArguments);
        if (which.Victim != Victim.Server) clients[which.Client] = Start(clientArguments[which.Client]);
    }

    /// <summary>Waits until the server has ended its run; gives its exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        await server.WaitForExitAsync(limit.Token);
        return server.ExitCode;
    }

    public void Dispose()
    {
        foreach (var process in (Process[])[server, .. clients])
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }
    }

    /// <summary>Waits for a change of a file in the run's folder, or for the end of the run.</summary>
    private async Task NextWriteAsync(CancellationToken cancellation)
    {
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite };
        watcher.Created += (_, _) => changed.TrySetResult();
        watcher.Changed += (_, _) => changed.TrySetResult();
        watcher.EnableRaisingEvents = true;
        await Task.WhenAny(changed.Task, server.WaitForExitAsync(cancellation)).WaitAsync(cancellation);
    }

    private static void Kill(Process process)
    {
        process.Kill();
        process.WaitForExit(Limit);
        process.Dispose();
    }

    private Process Start(string[] arguments)
    {
        var process = SampleProgram.Start(arguments);
        var name = $"{arguments[0]} {process.Id}";
        process.OutputDataReceived += (_, line) => Say(line.Data);
        process.ErrorDataReceived += (_, line) => Say(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Say(string? line)
        {
            if (line is not null) said.Enqueue($"[{name}] {line}");
        }
    }
}
