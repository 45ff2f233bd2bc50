using System.CommandLine;
using System.Globalization;
using ManagedFed.Benchmarks;
using ManagedFed.Benchmarks.Compare;
using ManagedFed.Benchmarks.Federation;

var threads = new Option<int[]>("--threads")
{
    Description = "Numbers of threads to measure with",
    DefaultValueFactory = _ => [1, 2],
    AllowMultipleArgumentsPerToken = true,
};
var epochs = new Option<int>("--epochs") { Description = "Epochs of the last row", DefaultValueFactory = _ => 10 };
var samples = new Option<int>("--samples") { Description = "How often each side is timed", DefaultValueFactory = _ => 7 };
var filter = new Option<string>("--filter") { Description = "Only rows whose name contains this", DefaultValueFactory = _ => "" };
var data = new Option<string>("--dataset")
{
    Description = "Folder of MNIST",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
var json = new Option<string?>("--json") { Description = "Also write the numbers to this file" };
var results = new Option<string?>("--results") { Description = "Also write <processor>/<date>.md and .json into this folder" };
var readme = new Option<string?>("--readme") { Description = "Also replace the table of this file" };
var firstCall = new Option<bool>("--first-call") { Description = "Only measure the first call of a compiled step" };

var compare = new Command("compare", "Times our engine and TorchSharp on the same work, in turn, and checks that they compute the same.")
{
    threads, epochs, samples, filter, data, json, results, readme, firstCall,
};
compare.SetAction(parsed =>
{
    if (!parsed.GetValue(firstCall))
    {
        return Comparison.Run(new(
            parsed.GetValue(threads)!, parsed.GetValue(epochs), parsed.GetValue(samples), parsed.GetValue(filter)!,
            parsed.GetValue(data)!, parsed.GetValue(json), parsed.GetValue(results), parsed.GetValue(readme)));
    }
    foreach (var line in FirstCall.Lines()) Console.WriteLine(line);
    return 0;
});

var child = new Command(FirstCall.ChildCommand, "Prints the microseconds of a fresh process's first compiled call.") { Hidden = true };
child.SetAction(_ => Console.WriteLine(FirstCall.Measure().ToString(CultureInfo.InvariantCulture)));

var job = new Option<string>("--job") { Description = "BenchmarkDotNet's job: dry, short, medium, long or default", DefaultValueFactory = _ => "default" };
var bench = new Command("bench", "Runs the BenchmarkDotNet classes; what follows goes to BenchmarkDotNet, for example --filter '*Gemm*'.")
{
    job,
};
bench.TreatUnmatchedTokensAsErrors = false;
bench.SetAction(parsed => BenchRunner.Run(parsed.GetValue(job)!, [.. parsed.UnmatchedTokens]));

var root = new RootCommand("Measures ManagedFed.")
{
    compare, bench, child, FederationCommands.Parent(), AggregationBenchmark.Command(), SimulationBenchmark.Command(), FemnistBenchmark.Command(),
    JournalBenchmark.Command(), FederationCommands.Server(), FederationCommands.Clients(),
};
foreach (var command in JournalBenchmark.Children()) root.Add(command);
return root.Parse(args).Invoke();
