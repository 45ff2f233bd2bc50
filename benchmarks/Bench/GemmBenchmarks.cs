using BenchmarkDotNet.Attributes;
using ManagedFed.Kernels;

namespace ManagedFed.Benchmarks;

/// <summary>Matrix products of the seed's MLP and squares.</summary>
public class GemmBenchmarks
{
    private NdArray a = null!, b = null!, result = null!;

    /// <summary>m, k, n.</summary>
    [Params("256,784,32", "32,256,784", "256,32,32", "256,32,10", "256,256,256", "1024,1024,1024")]
    public string Size { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        CpuDevice.Threads = Threads;
        var size = Size.Split(',').Select(int.Parse).ToArray();
        a = Arrays.Random(size[0], size[1]);
        b = Arrays.Random(size[1], size[2]);
        result = NdArray.Empty([size[0], size[2]], DType.Float32);
    }

    [Benchmark]
    public void Multiply() => Gemm.Run(a, b, null, result);
}
