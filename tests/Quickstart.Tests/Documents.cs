using System.Net;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ManagedFed.Quickstart.Tests;

/// <summary>What users read: the README and the comments of the libraries.</summary>
internal static partial class Documents
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", ".."));

    public static string Readme { get; } = Read("README.md");

    /// <summary>The README's blocks of C#, in order.</summary>
    public static IReadOnlyList<string> Programs { get; } = Blocks("csharp");

    /// <summary>The lines of the README's blocks of shell commands.</summary>
    public static IReadOnlyList<string> Commands { get; } = [.. Blocks("").SelectMany(block => block.Split('\n'))];

    /// <summary>The README's words in code marks outside of blocks.</summary>
    public static IReadOnlyList<string> Spans { get; } =
        [.. Span().Matches(Block().Replace(Readme, "")).Select(span => span.Groups[1].Value.Replace('\n', ' '))];

    /// <summary>The examples in comments of the libraries, as a reader sees them, with the file that each is in.</summary>
    public static IReadOnlyList<(string File, string Text)> Examples { get; } =
    [
        .. from room in new[] { "Tensors", "Autodiff", "Nn", "Federation" }
           from file in Directory.EnumerateFiles(Path.Combine(Root, room), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
           where !file.Split('/', '\\').Contains("obj")
           from Match example in Example().Matches(string.Join('\n', File.ReadLines(file).Select(line => CommentMark().Replace(line, ""))))
           select (Path.GetRelativePath(Root, file), WebUtility.HtmlDecode(example.Groups[1].Value).Trim()),
    ];

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file)).ReplaceLineEndings("\n");

    /// <summary>The text of all source files below a folder.</summary>
    public static string Sources(string folder) =>
        string.Concat(Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    private static string[] Blocks(string language) =>
        [.. Block().Matches(Readme).Where(block => block.Groups[1].Value == language).Select(block => block.Groups[2].Value)];

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"^```(\w*)\n(.*?)\n```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex("<code>(.*?)</code>", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex(@"^\s*/// ?")]
    private static partial Regex CommentMark();
}
