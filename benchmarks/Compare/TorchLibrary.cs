using System.Runtime.InteropServices;
using TorchSharp;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Whether TorchSharp's native library is here and loads.</summary>
internal static class TorchLibrary
{
    /// <summary>TorchSharp's version.</summary>
    public static string Version => typeof(torch).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>Null when it loads, otherwise the reason in one line.</summary>
    /// <remarks>TorchSharp itself would print pages and copy libraries about, so the loader is asked first.</remarks>
    public static string? Problem()
    {
        try
        {
            NativeLibrary.Load("LibTorchSharp", typeof(torch).Assembly, null);
            return null;
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            // The message has one line per place tried; the place where the file exists has another reason than its absence.
            var lines = exception.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.Skip(1).FirstOrDefault(line => !line.Contains("o such file", StringComparison.Ordinal)) ?? lines[0];
        }
    }
}
