using BenchmarkDotNet.Attributes;
using ManagedFed.Benchmarks.Compare;

namespace ManagedFed.Benchmarks;

/// <summary>Steps of the seed's MLP: batch 256, forward, backward and SGD.</summary>
[MemoryDiagnoser]
public class TrainingStepBenchmarks
{
    private const int Examples = 4 * 256;
    private ISide side = null!;

    [Params(1, 2)]
    public int Threads { get; set; }

    [Params(true, false)]
    public bool Compiled { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        CpuDevice.Threads = Threads;
        var images = Arrays.Random(Examples, 784).ToArray<float>();
        side = StepWork.Ours(new([784, 32, 32, 10], 256, Rule.SGD), new(images, [.. Enumerable.Range(0, Examples).Select(i => i % 10)]), Compiled);
    }

    [Benchmark]
    public void Train() => side.Run();
}
