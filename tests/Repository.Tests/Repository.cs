using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace ManagedFed.Repository.Tests;

/// <summary>The folder with all projects, and what lies in it.</summary>
internal static class Repository
{
    private static readonly string[] NotLibraries = ["tests", "samples", "benchmarks"], NotSources = ["bin", "obj", "artifacts", ".git"];

    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", ".."));

    /// <summary>The project files of all libraries, as paths below <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> Libraries { get; } = [.. Files("*.csproj").Where(file => !NotLibraries.Contains(Room(file)))];

    /// <summary>Files of a kind but those that builds make, as paths below <see cref="Root"/> with <c>/</c>.</summary>
    public static IEnumerable<string> Files(string pattern) => Directory
        .EnumerateFiles(Root, pattern, SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
        .Where(file => !file.Split('/').Intersect(NotSources).Any())
        .Order(StringComparer.Ordinal);

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    public static XDocument Project(string file) => XDocument.Parse(Read(file));

    /// <summary>The top folder of a file.</summary>
    public static string Room(string file) => file.Split('/')[0];

    /// <summary>What the build wrote into this assembly.</summary>
    public static string FromBuild(string key) => typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry => entry.Key == key).Value!;

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
