using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ManagedFed.Simd;

namespace ManagedFed.Benchmarks.Limits;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    /// <summary>The processor's name as the system gives it.</summary>
    public static string Processor { get; } = Name() is { Length: > 0 } name ? name : RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The instruction set whose width the kernels use.</summary>
    public static string Instructions => (SimdLevel.Best, RuntimeInformation.ProcessArchitecture) switch
    {
        (SimdWidth.Bits512, _) => "AVX-512",
        (SimdWidth.Bits256, _) => "AVX2",
        (_, Architecture.Arm64) => "AdvSimd",
        _ => System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated ? "SSE" : "no SIMD",
    };

    /// <summary>The processor and its instructions as the name of a folder.</summary>
    public static string Folder => string.Join('-', string.Concat($"{Processor} {Instructions.Replace("-", "", StringComparison.Ordinal)}"
        .Select(letter => char.IsAsciiLetterOrDigit(letter) ? char.ToLowerInvariant(letter) : ' '))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Processor, cores, system and runtime in one line.</summary>
    public static string Description => string.Create(CultureInfo.InvariantCulture,
        $"{Processor} ({Instructions}), {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");

    private static string? Name()
    {
        if (OperatingSystem.IsWindows())
        {
            const string key = @"HKEY_LOCAL_MACHINE\HARDWARE\DESCRIPTION\System\CentralProcessor\0";
            return (Microsoft.Win32.Registry.GetValue(key, "ProcessorNameString", null) as string)?.Trim();
        }
        if (OperatingSystem.IsMacOS()) return Output("sysctl", "-n machdep.cpu.brand_string");
        const string linux = "/proc/cpuinfo";
        var line = File.Exists(linux) ? File.ReadLines(linux).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':') + 1)..].Trim();
    }

    private static string? Output(string program, string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true });
            return process?.StandardOutput.ReadToEnd().Trim();
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
