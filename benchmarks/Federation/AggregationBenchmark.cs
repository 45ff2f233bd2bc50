using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using ManagedFed.Benchmarks.Limits;
using ManagedFed.Federation;
using ManagedFed.IO;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>Times what strategies do with a round's models: ten clients of ten million float32 values, as encoded <c>.npy</c> files.</summary>
internal static class AggregationBenchmark
{
    private const int Clients = 10, Tensors = 2, Elements = 5_000_000;

    private static readonly (string Name, Strategy Strategy, double Most)[] Rows =
    [
        ("FedAvg", new FedAvg(), 0.10),
        ("FedAdam", new FedAdam(), double.NaN),
        ("FedMedian", new FedMedian(), 0.4),
        ("FedTrimmedAvg", new FedTrimmedAvg(), 0.4),
        ("Krum", new Krum { NumMaliciousClients = 2 }, 0.4),
        ("Bulyan", new Bulyan { NumMaliciousClients = 1 }, double.NaN),
        ("GeometricMedian", new GeometricMedian(), double.NaN),
    ];

    public static Command Command()
    {
        var runs = new Option<int>("--runs") { Description = "How often each strategy is timed", DefaultValueFactory = _ => 7 };
        var command = new Command("aggregation", "Times strategies on ten models of ten million values, decoding and encoding included.") { runs };
        command.SetAction(parsed => Run(parsed.GetValue(runs)));
        return command;
    }

    private static void Run(int runs)
    {
        var random = new Random(1);
        ByteString[][] files = [.. Enumerable.Range(0, Clients).Select(_ => Enumerable.Range(0, Tensors).Select(_ => Model(random)).ToArray())];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Clients} clients x {Tensors * Elements:N0} float32, {CpuDevice.Threads} threads, medians of {runs}"));
        var rate = Bandwidth.Measure(new(16 << 20, 1, 0), CpuDevice.Threads);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Limit: {4.0 * Clients * Tensors * Elements / rate:0.000} s to read the models once, at {rate / 1e9:0.0} GB/s"));
        foreach (var (name, strategy, most) in Rows)
        {
            double[] seconds = [.. Enumerable.Range(0, runs + 1).Select(_ => Seconds(strategy, files)).Skip(1).Order()];
            var target = double.IsNaN(most) ? "" : string.Create(CultureInfo.InvariantCulture, $"at most {most:0.00} s");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16} {seconds[runs / 2],6:0.000} s ({seconds[0]:0.000} to {seconds[^1]:0.000})  {target}"));
        }
    }

    private static double Seconds(Strategy strategy, ByteString[][] files)
    {
        var state = new RoundState(1, new Parameters([.. Enumerable.Range(0, Tensors).Select(_ => NdArray.Zeros([Elements]))]), [], default);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var start = Stopwatch.GetTimestamp();
        var aggregation = strategy.AggregateFit(state);
        for (var client = 0; client < Clients; client++)
        {
            NdArray[] arrays = [.. files[client].Select(file => Npy.View(file.Memory))];
            aggregation.Add(client, new(ResultStatus.Success, new Parameters(arrays), 100 + client, new Dictionary<string, Scalar>()));
        }
        var next = aggregation.Complete([])?.Parameters ?? throw new InvalidOperationException($"{strategy} made no model");
        var bytes = next.Payloads.Sum(payload => (long)payload.Length);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return bytes > 4L * Tensors * Elements ? elapsed : throw new InvalidOperationException($"{strategy} made {bytes} bytes");
    }

    private static ByteString Model(Random random)
    {
        var values = new float[Elements];
        foreach (ref var value in values.AsSpan()) value = (float)(random.NextDouble() - 0.5) * 0.1f;
        return UnsafeByteOperations.UnsafeWrap(Npy.Write(NdArray.From<float>(values)));
    }
}
