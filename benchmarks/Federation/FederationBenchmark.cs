using System.Diagnostics;
using System.Globalization;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>Times federations of processes.</summary>
internal static class FederationBenchmark
{
    public static async Task<int> RunAsync(IReadOnlyList<(FederationWork Work, string Target)> works, int runs, CancellationToken cancellation)
    {
        Console.WriteLine("| work | seconds, median | least | most | server peak MB | client process peak MB | target |\n|---|---:|---:|---:|---:|---:|---|");
        foreach (var (work, target) in works)
        {
            var results = new List<(double Seconds, double Megabytes, double Clients)>();
            for (var run = 0; run < runs; run++) results.Add(await OnceAsync(work, cancellation));
            double[] seconds = [.. results.Select(result => result.Seconds).Order()];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {work.Name} | {seconds[seconds.Length / 2]:0.000} | {seconds[0]:0.000} | {seconds[^1]:0.000} | {results.Max(result => result.Megabytes):0} | {results.Max(result => result.Clients):0} | {target} |"));
        }
        return 0;
    }

    private static async Task<(double Seconds, double Megabytes, double Clients)> OnceAsync(FederationWork work, CancellationToken cancellation)
    {
        string[] numbers = [.. FederationCommands.Numbers(work).Select(number => number.ToString("R", CultureInfo.InvariantCulture))];
        var processes = new List<Process>();
        try
        {
            var server = Start([FederationCommands.ServerCommand, .. numbers]);
            processes.Add(server);
            var address = await server.StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("The server did not start.");
            for (var client = 0; client < work.Clients; client += work.PerProcess) processes.Add(Start([FederationCommands.ClientsCommand, address, .. numbers]));
            var line = await server.StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("The server ended early.");
            await server.WaitForExitAsync(cancellation);
            var clients = 0.0;
            // Nodes stay for the next run.
            foreach (var process in work.Fleet ? [] : processes.Skip(1)) clients = Math.Max(clients, Number(await process.StandardOutput.ReadLineAsync(cancellation)));
            double[] results = [.. line.Split(' ').Select(Number)];
            return (results[0], results[1] / (1 << 20), clients / (1 << 20));
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited) process.Kill();
                process.Dispose();
            }
        }
    }

    private static double Number(string? text) => double.Parse(text ?? throw new InvalidOperationException("A process ended early."), CultureInfo.InvariantCulture);

    /// <summary>This program again, as another process.</summary>
    public static Process Start(IEnumerable<string> arguments)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This process does not know its program.");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
    }
}
