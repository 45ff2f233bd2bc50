using System.Runtime.Intrinsics;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using ManagedFed.Benchmarks.Limits;

namespace ManagedFed.Benchmarks;

/// <summary>Runs the BenchmarkDotNet classes once for each instruction set the processor has.</summary>
internal static class BenchRunner
{
    /// <param name="job">The job by name, which BenchmarkDotNet would otherwise add as one more.</param>
    /// <param name="arguments">BenchmarkDotNet's own arguments.</param>
    public static int Run(string job, string[] arguments)
    {
        var basis = job.ToUpperInvariant() switch
        {
            "DRY" => Job.Dry,
            "SHORT" => Job.ShortRun,
            "MEDIUM" => Job.MediumRun,
            "LONG" => Job.LongRun,
            "DEFAULT" => Job.Default,
            _ => throw new ArgumentException($"There is no job {job}; the jobs are dry, short, medium, long and default."),
        };
        // libtorch is not part of these and would be copied to each build.
        basis = basis.WithArguments([new MsBuildArgument("/p:LibTorch=false")]);
        var config = DefaultConfig.Instance.AddJob(basis.WithId(Machine.Instructions));
        if (Vector512.IsHardwareAccelerated) config = config.AddJob(basis.WithEnvironmentVariable("DOTNET_EnableAVX512", "0").WithId("AVX2"));
        config = config.AddJob(basis.WithEnvironmentVariable("DOTNET_EnableHWIntrinsic", "0").WithId("no SIMD"));
        BenchmarkSwitcher.FromAssembly(typeof(BenchRunner).Assembly).Run(arguments, config);
        return 0;
    }
}
