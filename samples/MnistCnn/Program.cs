using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ManagedFed;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using ManagedFed.Samples.MnistCnn;
using static ManagedFed.Nn.ModuleTransforms;

var epochs = Number("--epochs", "Passes over the training images", 5, 0);
var images = Number("--images", "Training images to use", 60_000, 1);
var batchSize = Number("--batch-size", "Images per training step", 64, 1);
var seed = Number("--seed", "Seed of the model and of the order of images", 0, 0);
var threads = new Option<int?>("--threads") { Description = "Threads to compute with [default: all cores]", HelpName = "n" };
var root = new RootCommand("Trains a small convolutional network on MNIST, compiled, with Adam.") { epochs, images, batchSize, seed, threads };
root.SetAction((parsed, cancellation) =>
{
    if (parsed.GetValue(threads) is { } count) CpuDevice.Threads = count;
    Train(parsed.GetValue(epochs), parsed.GetValue(images), parsed.GetValue(batchSize), parsed.GetValue(seed), cancellation);
    return Task.CompletedTask;
});
return await root.Parse(args).InvokeAsync();

static void Train(int epochs, int images, int batchSize, int seed, CancellationToken cancellation)
{
    var (all, test) = Mnist.Load(Path.Combine(AppContext.BaseDirectory, "data"), verify: true);
    var train = all.Slice(0, Math.Min(images, all.Count));
    var (modelKey, orderKey) = RandomKey.FromSeed((ulong)seed).Split();
    var model = new Cnn(modelKey);
    var step = CompileStep(model, new Adam(0.001, biasCorrection: true), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
    var predict = Compile(model, x => model.Forward(x).ArgMax());

    for (var epoch = 1; epoch <= epochs; epoch++)
    {
        var start = Stopwatch.GetTimestamp();
        (orderKey, var key) = orderKey.Split();
        var loss = 0.0;
        foreach (var indices in Batches.Shuffled(train.Count, batchSize, key))
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = train.Subset(indices);
            loss += step.Invoke(batch.Inputs, batch.Labels) * indices.Length;
        }
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Epoch {epoch}: training loss {loss / train.Count:0.0000}, test accuracy {Accuracy(predict, test):0.0000}, {seconds:0.0} s"));
    }
}

static double Accuracy(Func<Tensor, Tensor> predict, Dataset data)
{
    const int Part = 500;
    var right = 0;
    for (var start = 0; start < data.Count; start += Part)
    {
        var part = data.Slice(start, Math.Min(Part, data.Count - start));
        right += (predict(part.Inputs) == part.Labels).Sum().Item<int>();
    }
    return (double)right / data.Count;
}

static Option<int> Number(string name, string description, int value, int least)
{
    var option = new Option<int>(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least) result.AddError($"{name} is {result.GetValueOrDefault<int>()}, expected at least {least}");
    });
    return option;
}
