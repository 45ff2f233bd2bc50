using BenchmarkDotNet.Attributes;
using ManagedFed.Benchmarks.Compare;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks;

/// <summary>Steps of the seed's MLP: batch 256, forward, backward and SGD.</summary>
[MemoryDiagnoser]
public class TrainingStepBenchmarks
{
    private const int Steps = 20;
    private MlpOurs side = null!;

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        CpuDevice.Threads = Threads;
        var random = Arrays.Random(Steps * 256, 784);
        var labels = NdArray.From<int>([.. Enumerable.Range(0, Steps * 256).Select(i => i % 10)]);
        var data = new Dataset(random, labels);
        side = new MlpOurs(MlpProblem.Create(new(data, data), 1, 784, 32, 32, 10), returnWeights: false);
    }

    [Benchmark(OperationsPerInvoke = Steps)]
    public void Train() => side.Run();
}
