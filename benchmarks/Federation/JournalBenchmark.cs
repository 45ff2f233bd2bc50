using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>What it costs to keep a run, and how soon a server that was ended serves again.</summary>
internal static class JournalBenchmark
{
    private const string ServerCommand = "journal-server", ClientCommand = "journal-client", Nothing = "-";

    private const int Clients = 2, Rounds = 6;

    private static readonly Dictionary<string, Scalar> None = [];

    public static Command Command()
    {
        var parameters = new Option<int>("--parameters") { Description = "Elements of the float32 model", DefaultValueFactory = _ => 10_000_000 };
        var folder = new Option<string>("--folder") { Description = "Where the run is kept: the disk that is measured", DefaultValueFactory = _ => Path.GetTempPath() };
        var fit = new Option<double>("--fit-seconds") { Description = "How long a client takes to fit" };
        var command = new Command("journal", "Times rounds of 2 clients with and without a run that is kept, plain writes of the same bytes, and restarts.") { parameters, folder, fit };
        command.SetAction((parsed, cancellation) =>
            RunAsync(parsed.GetValue(parameters), parsed.GetValue(fit), Directory.CreateDirectory(Path.Combine(parsed.GetValue(folder)!, $"managedfed-{Guid.NewGuid():N}")), cancellation));
        return command;
    }

    /// <summary>The commands of the processes.</summary>
    public static IEnumerable<Command> Children()
    {
        var words = new Argument<string[]>("words") { Arity = ArgumentArity.OneOrMore };
        var server = new Command(ServerCommand, "Serves a run and prints the seconds of its rounds.") { Hidden = true };
        server.Add(words);
        server.SetAction((parsed, cancellation) => parsed.GetValue(words) is [var folder, var parameters, var clients, var rounds]
            ? ServeAsync(folder, Number(parameters), Number(clients), Number(rounds), cancellation) : Task.FromResult(1));
        var client = new Command(ClientCommand, "Joins with one client.") { Hidden = true };
        client.Add(words);
        client.SetAction((parsed, cancellation) => parsed.GetValue(words) is [var address, var name, var parameters, var fit]
            ? JoinAsync(address, name, new(Number(parameters), double.Parse(fit, CultureInfo.InvariantCulture)), cancellation) : Task.FromResult(1));
        return [server, client];
    }

    private static async Task<int> RunAsync(int parameters, double fit, DirectoryInfo folder, CancellationToken cancellation)
    {
        try
        {
            var (plain, kept) = (new List<double>(), new List<double>());
            // In turn, so that what else the machine does meets both alike.
            for (var turn = 0; turn < 3; turn++)
            {
                plain.AddRange(await RoundsAsync(parameters, fit, Nothing, cancellation));
                kept.AddRange(await RoundsAsync(parameters, fit, Path.Combine(folder.FullName, $"run-{turn}"), cancellation));
            }
            var (write, bytes) = (Enumerable.Range(0, 5).Select(_ => Floor(folder, parameters)).Order().ToArray(), sizeof(float) * (long)parameters);
            Console.WriteLine("| what | seconds, median | least | most |\n|---|---:|---:|---:|");
            Row(string.Create(CultureInfo.InvariantCulture, $"a round, {Clients} clients, {parameters:N0} parameters"), plain);
            Row("the same, kept", kept);
            Row(string.Create(CultureInfo.InvariantCulture, $"plain write and flush of the same {(Clients + 1) * bytes / 1e6:0} MB"), write);
            foreach (var size in new[] { 27_232, parameters }) Row(string.Create(CultureInfo.InvariantCulture, $"restart to first served request, {size:N0} parameters"), await RestartsAsync(size, folder, cancellation));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Keeping costs {100 * (Median(kept) / Median(plain) - 1):0} % of a round; the disk alone {100 * Median(write) / Median(plain):0} %."));
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Row(string name, IReadOnlyList<double> seconds) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {Median(seconds):0.000} | {seconds.Min():0.000} | {seconds.Max():0.000} |"));

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    /// <summary>The seconds of all rounds but the first, which is slow for other reasons.</summary>
    private static async Task<double[]> RoundsAsync(int parameters, double fit, string folder, CancellationToken cancellation)
    {
        var processes = new List<Process>();
        try
        {
            var server = FederationBenchmark.Start([ServerCommand, folder, $"{parameters}", $"{Clients}", $"{Rounds}"]);
            processes.Add(server);
            var address = await server.StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("The server did not start.");
            for (var k = 0; k < Clients; k++) processes.Add(FederationBenchmark.Start([ClientCommand, address, $"part-{k}", $"{parameters}", fit.ToString("R", CultureInfo.InvariantCulture)]));
            var line = await server.StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("The server ended early.");
            foreach (var process in processes) await process.WaitForExitAsync(cancellation);
            return [.. line.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
        }
        finally
        {
            End(processes);
        }
    }

    /// <summary>From the start of a process to the first training that it asks for, three times, each time of a run that is one round further.</summary>
    private static async Task<double[]> RestartsAsync(int parameters, DirectoryInfo folder, CancellationToken cancellation)
    {
        var (run, seconds) = (Path.Combine(folder.FullName, $"restart-{parameters}"), new List<double>());
        for (var rounds = 1; rounds <= 4; rounds++)
        {
            var start = Stopwatch.GetTimestamp();
            var processes = new List<Process> { FederationBenchmark.Start([ServerCommand, run, $"{parameters}", "1", $"{rounds}"]) };
            try
            {
                var address = await processes[0].StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("The server did not start.");
                var client = new Client(parameters, 0);
                var joined = FederatedClient.StartAsync(address, client, new() { Name = "part-0" }, cancellation);
                await Task.WhenAny(client.Asked, joined);
                var passed = Stopwatch.GetElapsedTime(start).TotalSeconds;
                // The first is no restart.
                if (rounds > 1) seconds.Add(passed);
                await joined;
                await processes[0].WaitForExitAsync(cancellation);
            }
            finally
            {
                End(processes);
            }
        }
        return [.. seconds];
    }

    /// <summary>Writes and flushes what a round keeps: the clients' updates side by side, then the model.</summary>
    private static double Floor(DirectoryInfo folder, int parameters)
    {
        var content = new byte[sizeof(float) * (long)parameters];
        Random.Shared.NextBytes(content);
        var start = Stopwatch.GetTimestamp();
        Parallel.For(0, Clients, k => Write($"update-{k}"));
        Write("model");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;

        void Write(string name)
        {
            using var file = new FileStream(Path.Combine(folder.FullName, name), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
    }

    private static void End(IEnumerable<Process> processes)
    {
        foreach (var process in processes)
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }
    }

    private static async Task<int> ServeAsync(string folder, int parameters, int clients, int rounds, CancellationToken cancellation)
    {
        var ends = new List<long>();
        var strategy = new FedAvg
        {
            MinAvailableClients = clients,
            MinFitClients = clients,
            MinEvaluateClients = clients,
            AcceptFailures = false,
            InitialParameters = new(new FederationWork(parameters, clients, rounds, 0, 1).Model(1)),
        };
        await FederatedServer.StartAsync("127.0.0.1:0", new(rounds), strategy, new()
        {
            OnListening = Console.WriteLine,
            RunStore = folder == Nothing ? null : RunStore.Folder(folder),
            OnRound = (_, _, _) =>
            {
                ends.Add(Stopwatch.GetTimestamp());
                return ValueTask.CompletedTask;
            },
        }, cancellation);
        Console.WriteLine(string.Join(' ', ends.Zip(ends.Skip(1), (from, to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds.ToString("R", CultureInfo.InvariantCulture))));
        return 0;
    }

    private static async Task<int> JoinAsync(string address, string name, Client client, CancellationToken cancellation)
    {
        await FederatedClient.StartAsync(address, client, new() { Name = name }, cancellation);
        return 0;
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    /// <summary>A client that sends back the model it got.</summary>
    private sealed class Client(int parameters, double fitSeconds) : ArrayClient
    {
        private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Done once the client was asked to train.</summary>
        public Task Asked => asked.Task;

        public override async ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> model, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            asked.TrySetResult();
            if (fitSeconds > 0) await Task.Delay(TimeSpan.FromSeconds(fitSeconds), cancellation);
            return new(model, 100, None);
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> model, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(new EvaluateOutput(parameters, 100, None));
    }
}
