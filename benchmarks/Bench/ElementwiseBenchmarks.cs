using BenchmarkDotNet.Attributes;
using ManagedFed.Kernels;

namespace ManagedFed.Benchmarks;

/// <summary>Kernels that pass over memory once or twice, for arrays that fit the caches and that do not.</summary>
public abstract class ArrayBenchmarks
{
    private protected NdArray x = null!, y = null!, result = null!;

    /// <summary>Rows and columns: 4 k, 64 k and 1 M floats.</summary>
    [Params(64, 256, 1024)]
    public int Side { get; set; }

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        CpuDevice.Threads = Threads;
        (x, y) = (Arrays.Random(Side, Side), Arrays.Random(Side, Side));
        result = NdArray.Empty([Side, Side], DType.Float32);
        Prepare();
    }

    private protected virtual void Prepare()
    {
    }
}

/// <summary>One formula for each element.</summary>
public class ElementwiseBenchmarks : ArrayBenchmarks
{
    [Benchmark]
    public void Add() => Zip.Run<Add>(x, y, result);

    [Benchmark]
    public void Exp() => Map.Run<Exp>(x, result);

    [Benchmark]
    public void Tanh() => Map.Run<Tanh>(x, result);
}

/// <summary>Sums of everything and by axis.</summary>
public class ReduceBenchmarks : ArrayBenchmarks
{
    private NdArray line = null!, total = null!;

    private protected override void Prepare()
    {
        line = NdArray.Empty([Side], DType.Float32);
        total = NdArray.Empty([], DType.Float32);
    }

    [Benchmark]
    public void All() => Reduce.Run<Sum>(x, [0, 1], total);

    [Benchmark]
    public void Columns() => Reduce.Run<Sum>(x, [0], line);

    [Benchmark]
    public void Rows() => Reduce.Run<Sum>(x, [1], line);
}

/// <summary>Softmax of each row, and its gradient.</summary>
public class SoftmaxBenchmarks : ArrayBenchmarks
{
    [Benchmark]
    public void Forward() => Softmax.Run(x, result);

    [Benchmark]
    public void Gradient() => SoftmaxGrad.Run(x, y, result);
}
