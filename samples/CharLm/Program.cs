using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ManagedFed;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using ManagedFed.Samples.CharLm;
using static ManagedFed.Nn.ModuleTransforms;

const int Window = 64, BatchSize = 32, Hidden = 128;

var epochs = Number("--epochs", "Passes over the text", 10, 0);
var seed = Number("--seed", "Seed of the model, of the order of windows and of the sampled text", 0, 0);
var length = Number("--length", "Characters to sample at the end", 500, 0);
var characters = Number("--characters", "Length of the text to learn", 100_000, 10 * Window);
var temperature = new Option<double>("--temperature") { Description = "Divides the logits when sampling", HelpName = "t", DefaultValueFactory = _ => 0.7 };
temperature.Validators.Add(result =>
{
    if (!(result.GetValueOrDefault<double>() > 0)) result.AddError($"--temperature is {result.GetValueOrDefault<double>()}, expected a number above 0");
});
var threads = new Option<int?>("--threads") { Description = "Threads to compute with [default: all cores]", HelpName = "n" };
var root = new RootCommand("Trains an LSTM to write tales of a harbour town letter by letter, compiled, with Adam.") { epochs, seed, length, characters, temperature, threads };
root.SetAction((parsed, cancellation) =>
{
    if (parsed.GetValue(threads) is { } count) CpuDevice.Threads = count;
    var keys = RandomKey.FromSeed((ulong)parsed.GetValue(seed)).Split(3);

    // The text has a key of its own, so that runs with different seeds can be compared.
    var corpus = new Corpus(Story.Write(RandomKey.FromSeed(1), parsed.GetValue(characters)));
    Print($"{corpus.Length} characters of {corpus.Symbols.Count} kinds, entropy {corpus.UnigramEntropy:0.0000} nats");
    var model = new CharModel(corpus.Symbols.Count, Hidden, keys[0]);
    Train(model, corpus, parsed.GetValue(epochs), keys[1], cancellation);
    Print($"\n{model.Continue(corpus, "\n", parsed.GetValue(length), parsed.GetValue(temperature), keys[2], cancellation)}");
    return Task.CompletedTask;
});
return await root.Parse(args).InvokeAsync();

static void Train(CharModel model, Corpus corpus, int epochs, RandomKey key, CancellationToken cancellation)
{
    var step = CompileStep(
        model, new Adam(0.01, biasCorrection: true), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
    var windows = (corpus.Length - 1) / Window;
    for (var epoch = 1; epoch <= epochs; epoch++)
    {
        var start = Stopwatch.GetTimestamp();
        (key, var order) = key.Split();
        var loss = 0.0;
        foreach (var batch in Batches.Shuffled(windows, BatchSize, order))
        {
            cancellation.ThrowIfCancellationRequested();
            var (inputs, next) = corpus.Windows(Array.ConvertAll(batch, index => index * Window), Window);
            loss += step.Invoke(inputs, next) * batch.Length;
        }
        Print($"Epoch {epoch}: training loss {loss / windows:0.0000}, {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
    }
}

static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

static Option<int> Number(string name, string description, int value, int least)
{
    var option = new Option<int>(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least) result.AddError($"{name} is {result.GetValueOrDefault<int>()}, expected at least {least}");
    });
    return option;
}
