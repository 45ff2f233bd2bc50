using System.CommandLine;
using System.Globalization;
using ManagedFed.Federation;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>
/// Times a simulation of the shape of FEMNIST: 3,400 writers, 10 a round, batches of 20, one epoch, and the network of 1.2 million parameters that FLUTE's and
/// FedML's tables have (Reddi et al. 2020, arXiv:2003.00295): two 3x3 convolutions of 32 and 64 channels, pooling, dropout, 128 and 62 units.
/// </summary>
/// <remarks>
/// The images are made here, a writer's whenever it is chosen: each class is a pattern of its own, each image that and noise, all drawn from keys. A
/// writer has 64 to 331 images, all numbers equally likely: 197.5 in the mean, as FEMNIST's 3,400 writers have (671,585 in all).
/// </remarks>
internal static class FemnistBenchmark
{
    private const int Writers = 3400, Sampled = 10, Batch = 20, Classes = 62, Side = 28, Fewest = 64, Most = 331, WholeRun = 1500;

    private static readonly RandomKey Key = RandomKey.FromSeed(0);

    public static Command Command()
    {
        var rounds = new Option<int>("--rounds") { Description = "Rounds that are timed, after one that is not", DefaultValueFactory = _ => 5 };
        var command = new Command("femnist", "Times rounds of a simulation of 3,400 clients with a convolutional network, 10 clients a round.") { rounds };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(rounds), cancellation));
        return command;
    }

    private static async Task RunAsync(int rounds, CancellationToken cancellation)
    {
        var patterns = Tensor.RandomUniform(Key.Fold(1), [Classes, Side, Side, 1]).Eval().ToNdArray();
        var factory = VirtualClients.Of(
            Model, static () => new Sgd(0.1), static (logits, labels) => Losses.CrossEntropy(logits, labels), writer => Images(patterns, writer),
            options: new() { BatchSize = Batch });
        var time = await SimulationTime.OfAsync(Writers, Sampled, rounds, factory, Parameters.Of(Model()), cancellation);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Writers} clients, {Sampled} a round, {Fewest} to {Most} images in batches of {Batch}, 1.2 M parameters: {time.SecondsARound:0.00} s a round, "
            + $"{WholeRun} rounds in {TimeSpan.FromSeconds(time.SecondsARound * WholeRun):hh\\:mm\\:ss}; {time.ProcessorMicroseconds / 1e3:0} ms of processor time for an update; "
            + $"peak {time.PeakMegabytes} MB"));
    }

    private static Sequential Model()
    {
        var keys = Key.Fold(2).Split(6);
        return new(
            new Conv2d(1, 32, 3, keys[0]), new Relu(), new Conv2d(32, 64, 3, keys[1]), new Relu(), new MaxPool2d(2), new Dropout(0.25, keys[2]), new Flatten(),
            new Linear(9216, 128, keys[3]), new Relu(), new Dropout(0.5, keys[4]), new Linear(128, Classes, keys[5]));
    }

    private static Dataset Images(NdArray patterns, int writer)
    {
        var keys = Key.Fold(3).Fold((uint)writer).Split(3);
        var count = Fewest + (int)(keys[0].Word0 % (Most - Fewest + 1));
        var labels = Tensor.RandomInt(keys[1], 0, Classes, [count]);
        var images = ((Tensor)patterns).Take(labels) + Tensor.RandomNormal(keys[2], [count, Side, Side, 1]) * 0.3;
        Tensor.Eval(labels, images);
        return new(images.ToNdArray(), labels.ToNdArray());
    }
}
