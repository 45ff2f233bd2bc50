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

/// <summary>One pass over a megabyte of floats and over four.</summary>
public class ElementwiseBenchmarks
{
    private NdArray x = null!, y = null!, result = null!;

    [Params(256, 1024)]
    public int Side { get; set; }

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        CpuDevice.Threads = Threads;
        (x, y) = (Arrays.Random(Side, Side), Arrays.Random(Side, Side));
        result = NdArray.Empty([Side, Side], DType.Float32);
    }

    [Benchmark]
    public void Add() => Zip.Run<Add>(x, y, result);

    [Benchmark]
    public void Exp() => Map.Run<Exp>(x, result);

    [Benchmark]
    public void Tanh() => Map.Run<Tanh>(x, result);
}

internal static class Arrays
{
    public static NdArray Random(int rows, int columns)
    {
        var random = new Random(1);
        return NdArray.From<float>([.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() * 2 - 1)], [rows, columns]);
    }
}
