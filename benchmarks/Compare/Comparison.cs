using ManagedFed.Benchmarks.Limits;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>What to compare and where to write it.</summary>
/// <param name="Threads">The numbers of threads to measure with.</param>
/// <param name="Epochs">The epochs of the last row.</param>
/// <param name="Samples">How often each side is timed.</param>
/// <param name="Filter">A part of the names of the rows to measure.</param>
/// <param name="Data">The folder of MNIST.</param>
/// <param name="Json">Where to write the numbers, or null.</param>
/// <param name="Results">The folder of results by processor, or null.</param>
/// <param name="Readme">The file whose table is to be replaced, or null.</param>
internal sealed record ComparisonOptions(
    int[] Threads, int Epochs, int Samples, string Filter, string Data, string? Json, string? Results, string? Readme);

/// <summary>Our engine against TorchSharp on the same work.</summary>
internal static class Comparison
{
    /// <summary>Measures and reports; the exit code is 1 if a row's results differ.</summary>
    public static int Run(ComparisonOptions options)
    {
        var problem = TorchLibrary.Problem();
        var report = new Report(options, problem);
        foreach (var line in report.Header) Console.WriteLine(line);
        Console.WriteLine();
        Console.WriteLine(Report.Columns);

        var limits = new MachineLimits();
        var contest = new Contest(problem is null, options.Samples, limits);
        var measurements = new List<Measurement>();
        var rows = Rows(options).Where(row => row.Name.Contains(options.Filter, StringComparison.OrdinalIgnoreCase)).ToArray();
        // The first measurement competes with the compiler for what all rows share, so it is made once for nothing.
        if (rows.Length > 0) _ = contest.Measure(rows[0], options.Threads[0]);
        foreach (var work in rows)
        {
            foreach (var threads in options.Threads)
            {
                measurements.Add(contest.Measure(work, threads));
                Console.WriteLine(Report.Line(measurements[^1]));
            }
        }
        Console.WriteLine();
        string[] notes = [.. limits.Lines(), .. options.Filter.Length == 0 ? FirstCall.Lines() : []];
        foreach (var line in notes) Console.WriteLine(line);
        report.Write(measurements, notes);

        var differing = measurements.Where(row => row.Difference is not null).ToArray();
        foreach (var row in differing) Console.Error.WriteLine($"{row.Work}, threads {row.Threads}: {row.Difference}");
        return differing.Length > 0 ? 1 : 0;
    }

    private static IEnumerable<Work> Rows(ComparisonOptions options)
    {
        var data = new Lazy<(Examples Train, Examples Test)>(() =>
        {
            var mnist = Mnist.Load(options.Data, verify: true);
            return (Examples.From(mnist.Train), Examples.From(mnist.Test));
        });
        var train = new Lazy<Examples>(() => data.Value.Train);
        var seed = new Mlp([784, 32, 32, 10], 256, Rule.SGD);
        return
        [
            StepWork.Create(seed, train),
            StepWork.Create(new([784, 32, 32, 10], 32, Rule.SGD), train),
            StepWork.Create(new([784, 32, 32, 10], 256, Rule.Adam), train),
            StepWork.Create(new([784, 256, 256, 10], 256, Rule.SGD), train),
            StepWork.Create(new([784, 1024, 1024, 10], 256, Rule.SGD), train),
            StepWork.Create(seed, train, compiled: false),
            .. OpWork.Products(),
            .. ConvWork.Rows(),
            .. OpWork.Elementwise(),
            .. OpWork.Chains(),
            EpochsWork.Create(seed, options.Epochs, data),
        ];
    }
}
