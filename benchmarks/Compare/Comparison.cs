using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Our engine against TorchSharp on the same work: a table, and a JSON file for programs.</summary>
internal static class Comparison
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <param name="threads">The numbers of threads to measure with.</param>
    /// <param name="epochs">The epochs of the training row.</param>
    /// <param name="runs">How often each side is timed.</param>
    /// <param name="filter">A part of the names of the rows to measure.</param>
    /// <param name="data">The folder of MNIST.</param>
    /// <param name="file">Where to write the JSON, or null.</param>
    public static void Run(int[] threads, int epochs, int runs, string filter, string data, string? file)
    {
        var problem = TorchLibrary.Problem();
        var machine = $"{Processor()}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, "
            + RuntimeInformation.FrameworkDescription;
        Console.WriteLine(machine);
        Console.WriteLine(problem is null
            ? $"TorchSharp {typeof(TorchSharp.torch).Assembly.GetName().Version?.ToString(3)} against ManagedFed; "
                + "ratio = theirs / ours, above 1 we are faster."
            : $"TorchSharp's native library does not load, so only our side is measured: {problem}");

        var mnist = Mnist.Load(data, verify: true);
        Work[] rows =
        [
            MlpProblem.Create(mnist, epochs, 784, 32, 32, 10).ToWork($"{epochs} epochs of the MLP 784-32-32-10, batch 256, SGD 0.1"),
            OpWork.MatMul(256, 784, 32), OpWork.MatMul(32, 256, 784), OpWork.MatMul(512, 512, 512),
            OpWork.Add, OpWork.Exp, OpWork.Tanh,
        ];
        var contest = new Contest(problem is null, runs);
        var measurements = new List<Measurement>();
        Console.WriteLine();
        Console.WriteLine($"{"work",-56} threads     ours us   theirs us   ratio   (medians of {runs} runs, per step or call)");
        foreach (var work in rows.Where(row => row.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)))
        {
            foreach (var count in threads)
            {
                var measured = contest.Measure(work, count);
                measurements.Add(measured);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{measured.Work,-56} {count,7}{measured.OursUs,12:0.00}{measured.TheirsUs,12:0.00}{measured.Ratio,8:0.00}"));
                if (measured.Work != rows[0].Name) continue;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{"",6}{work.Steps} steps take {measured.OursUs * work.Steps / 1e6:0.000} s") + Theirs(measured));
            }
        }
        if (file is null) return;
        var report = new { Machine = machine, Date = DateTime.UtcNow, TorchProblem = problem, Rows = measurements };
        File.WriteAllText(file, JsonSerializer.Serialize(report, Json));
    }

    private static string Theirs(Measurement measured) =>
        measured.TheirsUs is { } us ? string.Create(CultureInfo.InvariantCulture, $", theirs {us * measured.Steps / 1e6:0.000} s") : "";

    private static string Processor()
    {
        const string linux = "/proc/cpuinfo";
        var line = File.Exists(linux) ? File.ReadLines(linux).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':') + 2)..] ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
