using System.Diagnostics;

namespace ManagedFed.Samples.Mnist;

/// <summary>This program again, as a client in a process of its own; what it prints appears here with its name in front.</summary>
internal sealed class ClientProcess : IDisposable
{
    private readonly Process process;

    private ClientProcess(Process process, string name)
    {
        this.process = process;
        Name = name;
        Exit = process.WaitForExitAsync();
    }

    public string Name { get; }

    /// <summary>Ends when the process does.</summary>
    public Task Exit { get; }

    public int ExitCode => process.ExitCode;

    public static ClientProcess Start(string name, IEnumerable<string> arguments)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("cannot find this program's own file");
        // Started as `dotnet mnist.dll`, the program is dotnet and the file its first argument.
        string[] assembly = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        var start = new ProcessStartInfo(program, [.. assembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        process.OutputDataReceived += (_, e) => Relay(e.Data, Console.Out);
        process.ErrorDataReceived += (_, e) => Relay(e.Data, Console.Error);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new(process, name);

        void Relay(string? line, TextWriter output)
        {
            if (line is not null) output.WriteLine($"[{name}] {line}");
        }
    }

    /// <summary>Ends the process if it still runs.</summary>
    public void Dispose()
    {
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        process.Dispose();
    }
}
