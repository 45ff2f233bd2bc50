using System.Diagnostics;
using System.Text;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>What a run of the sample left behind.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Error);

/// <summary>A built sample, run as a user runs it.</summary>
internal static class SampleProgram
{
    // A run takes seconds; this only keeps a broken one from hanging the tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Runs the federated sample.</summary>
    public static Task<ProgramRun> RunAsync(params IEnumerable<string> arguments) => RunAsync(Start(arguments));

    /// <summary>Runs a sample by the name of its program.</summary>
    public static Task<ProgramRun> RunNamedAsync(string name, params IEnumerable<string> arguments) => RunAsync(StartNamed(name, arguments));

    /// <summary>Starts the federated sample: the one that MANAGEDFED_MNIST names, which may be compiled ahead of time, or else the one built with these tests.</summary>
    public static Process Start(params IEnumerable<string> arguments) =>
        Environment.GetEnvironmentVariable("MANAGEDFED_MNIST") is { } program ? Start(program, arguments) : StartNamed("mnist", arguments);

    private static async Task<ProgramRun> RunAsync(Process started)
    {
        using var program = started;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            var output = program.StandardOutput.ReadToEndAsync(limit.Token);
            var error = program.StandardError.ReadToEndAsync(limit.Token);
            await program.WaitForExitAsync(limit.Token);
            return new(program.ExitCode, await output, await error);
        }
        finally
        {
            if (!program.HasExited) program.Kill(entireProcessTree: true);
        }
    }

    private static Process StartNamed(string name, IEnumerable<string> arguments)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, $"{name}.dll");
        return Start("dotnet", [assembly, .. arguments]);
    }

    private static Process Start(string program, IEnumerable<string> arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        StandardOutputEncoding = Encoding.UTF8,
    })!;
}
