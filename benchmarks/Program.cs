using System.CommandLine;
using BenchmarkDotNet.Running;
using ManagedFed.Benchmarks.Compare;

var threads = new Option<int[]>("--threads")
{
    Description = "Numbers of threads to measure with",
    DefaultValueFactory = _ => [1, 2],
    AllowMultipleArgumentsPerToken = true,
};
var epochs = new Option<int>("--epochs") { Description = "Epochs of the training row", DefaultValueFactory = _ => 10 };
var runs = new Option<int>("--runs") { Description = "How often each side is timed", DefaultValueFactory = _ => 5 };
var filter = new Option<string>("--filter") { Description = "Only rows whose name contains this", DefaultValueFactory = _ => "" };
var data = new Option<string>("--dataset")
{
    Description = "Folder of MNIST",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
var json = new Option<string?>("--json") { Description = "Also write the numbers to this file" };

var compare = new Command("compare", "Times our engine and TorchSharp on the same work, in turn, and checks that they compute the same.")
{
    threads, epochs, runs, filter, data, json,
};
compare.SetAction(parsed => Comparison.Run(
    parsed.GetValue(threads)!, parsed.GetValue(epochs), parsed.GetValue(runs), parsed.GetValue(filter)!,
    parsed.GetValue(data)!, parsed.GetValue(json)));

var bench = new Command("bench", "Runs the BenchmarkDotNet classes; what follows goes to BenchmarkDotNet, for example --filter '*Gemm*'.")
{
    TreatUnmatchedTokensAsErrors = false,
};
bench.SetAction(parsed => { BenchmarkSwitcher.FromAssembly(typeof(Comparison).Assembly).Run([.. parsed.UnmatchedTokens]); });

return new RootCommand("Measures ManagedFed.") { compare, bench }.Parse(args).Invoke();
