using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>C# text compiled as in a new console project, which imports some namespaces by itself, that refers to all libraries.</summary>
internal static class Compiled
{
    private const string Implicit = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("ManagedFed.Quickstart", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Compiles and fails the test at an error, which is shown with the text.</summary>
    /// <param name="text">A program of top-level statements, or types.</param>
    /// <param name="others">Further files.</param>
    public static Assembly From(string text, params IEnumerable<string> others)
    {
        var parse = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var trees = others.Prepend(text).Prepend(Implicit).Select(file => CSharpSyntaxTree.ParseText(file, parse)).ToArray();
        var kind = trees[1].GetRoot().ChildNodes().Any(node => node.IsKind(SyntaxKind.GlobalStatement)) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        var options = new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable);
        using var image = new MemoryStream();
        var result = CSharpCompilation.Create($"Example{Guid.NewGuid():N}", trees, References, options).Emit(image);
        var errors = result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(result.Success, $"{string.Join('\n', errors)}\n\n{text}");
        return Assembly.Load(image.ToArray());
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it wrote to the console.</returns>
    public static async Task<string> RunAsync(Assembly program)
    {
        var (console, written) = (Console.Out, new StringWriter());
        Console.SetOut(written);
        try
        {
            var main = program.EntryPoint!.CreateDelegate<Action<string[]>>();
            await Task.Run(() => main([])).WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
            return written.ToString();
        }
        finally
        {
            Console.SetOut(console);
        }
    }
}
