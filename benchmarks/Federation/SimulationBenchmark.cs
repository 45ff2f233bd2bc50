using System.CommandLine;
using System.Globalization;
using ManagedFed.Federation;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>Times a simulation of very many clients, and its memory: the model 784-32-32-10 on pieces of MNIST.</summary>
internal static class SimulationBenchmark
{
    public static Command Command()
    {
        var clients = new Option<int>("--clients") { Description = "Virtual clients", DefaultValueFactory = _ => 1_000_000 };
        var sampled = new Option<int>("--sampled") { Description = "Clients of a round", DefaultValueFactory = _ => 1000 };
        var rounds = new Option<int>("--rounds") { Description = "Rounds that are timed, after one that is not", DefaultValueFactory = _ => 5 };
        var examples = new Option<int>("--examples") { Description = "Examples of a client", DefaultValueFactory = _ => 100 };
        var batch = new Option<int>("--batch") { Description = "Examples of a step", DefaultValueFactory = _ => 10 };
        var data = new Option<string>("--dataset") { Description = "Folder of MNIST", DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data") };
        var command = new Command("simulation", "Times rounds of a simulation of very many clients in this process, and prints its peak of memory.")
        {
            clients, sampled, rounds, examples, batch, data,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(clients), parsed.GetValue(sampled), parsed.GetValue(rounds), parsed.GetValue(examples), parsed.GetValue(batch),
            parsed.GetValue(data)!, cancellation));
        return command;
    }

    private static async Task RunAsync(int clients, int sampled, int rounds, int examples, int batch, string folder, CancellationToken cancellation)
    {
        var images = Mnist.Load(folder).Train;
        // Neighbours share most of their examples: so many of their own would not fit into any memory.
        var places = images.Count - examples + 1;
        var factory = VirtualClients.Of(
            Model, static () => new Sgd(0.03), static (logits, labels) => Losses.CrossEntropy(logits, labels),
            client => images.Slice((int)((long)client * examples % places), examples), options: new() { BatchSize = batch });
        var time = await SimulationTime.OfAsync(clients, sampled, rounds, factory, Parameters.Of(Model()), cancellation);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{clients} clients, {sampled} a round, {examples} examples in batches of {batch}: {time.SecondsARound:0.000} s a round, "
            + $"{sampled / time.SecondsARound:0} updates a second, {time.ProcessorMicroseconds:0} µs of processor time for each; "
            + $"peak {time.PeakMegabytes} MB, images {images.Inputs.ByteCount >> 20} MB of it"));
    }

    private static Sequential Model()
    {
        var keys = RandomKey.FromSeed(0).Split(3);
        return new(new Linear(784, 32, keys[0]), new Relu(), new Linear(32, 32, keys[1]), new Relu(), new Linear(32, 10, keys[2]));
    }
}
