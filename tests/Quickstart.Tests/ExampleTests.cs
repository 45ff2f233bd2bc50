using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>The examples in comments, the README's expressions and its shell commands name what there is.</summary>
public sealed partial class ExampleTests
{
    private const string Usings = """
        using ManagedFed;
        using ManagedFed.Federation;
        using ManagedFed.Federation.Data;
        using ManagedFed.IO;
        using ManagedFed.Nn;
        using ManagedFed.Nn.Data;
        using static Known;
        using static ManagedFed.Nn.ModuleTransforms;

        """;

    /// <summary>What the sentences around an example speak of.</summary>
    private const string Known = """
        using ManagedFed;
        using ManagedFed.Federation;
        using ManagedFed.Nn;
        using ManagedFed.Nn.Data;

        static class Known
        {
            public static Tensor x = null!, w = null!, first = null!, second = null!, images = null!, labels = null!;
            public static Sequential model = null!;
            public static Optimizer optimizer = null!;
            public static Dataset data = null!, train = null!, test = null!;
            public static (Tensor Inputs, Tensor Labels, int Count)[] batches = null!;
            public static CompiledStep step = null!;
            public static ArrayClient client = null!;
            public static ServerConfig config = null!;
            public static Strategy strategy = null!;
            public static ManagedFed.Federation.Data.FederatedDataset federated = null!;
            public static string folder = "", path = "";
            public static Dataset[] parts = null!;
            public static int i, steps;
            public static Label label = null!;
            public static NdArray[] Train(IReadOnlyList<NdArray> parameters) => [];
        }

        class Label { public string Text = ""; }
        """;

    /// <summary>Options of other programs, which the README names, too.</summary>
    private static readonly string[] Foreign = ["--insecure", "--superlink", "--auth-supernode-private-key", "--help", "--quick", "--project"];

    private static readonly string[] Verbs = ["", "server", "client", "node", "central", "inspect", "simulate"];

    public static TheoryData<string, string> Comments => new(Documents.Examples);

    public static TheoryData<string> Expressions =>
        new(Documents.Spans.Where(span => span.StartsWith("new ", StringComparison.Ordinal) || span.StartsWith("await ", StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Comments))]
    public void Comment_Compiles(string file, string text)
    {
        Assert.NotEmpty(file);
        // Text that is one expression becomes a statement.
        var statement = text[^1] is ';' or '}' && !text.StartsWith("new ", StringComparison.Ordinal) ? text : $"_ = {text};";
        Compiled.From(Usings + statement, Known);
    }

    [Theory]
    [MemberData(nameof(Expressions))]
    public void Readme_Expression_Compiles(string text) =>
        Compiled.From($"{Usings}{(text[0] == 'a' ? "" : "_ = ")}{text};", Known.Replace("Dataset data = null!, ", "Dataset ", StringComparison.Ordinal)
            .Replace("federated = null!", "data = null!", StringComparison.Ordinal));

    [Fact]
    public async Task Readme_Commands_HaveTheOptionsTheyName()
    {
        var mnist = new Dictionary<string, string>();
        foreach (var verb in Verbs) mnist[verb] = await Help("mnist", verb);
        var samples = new Dictionary<string, string>
        {
            ["samples/MnistCnn"] = await Help("mnist-cnn", ""),
            ["samples/CharLm"] = await Help("char-lm", ""),
            ["benchmarks"] = Documents.Sources("benchmarks"),
        };
        var commands = Documents.Commands.Select(line => Command().Match(line)).Where(match => match.Success).ToArray();
        Assert.True(commands.Length >= 10, $"{commands.Length} commands");
        foreach (var command in commands)
        {
            var (project, verb, rest) = (command.Groups[1].Value, command.Groups[2].Value, command.Groups[3].Value);
            // What follows is for BenchmarkDotNet.
            if (verb == "bench") continue;
            var known = project == "samples/Mnist" ? mnist[verb] : samples[project];
            Assert.All(Option().Matches(rest), option => Assert.True(Names(known, option.Value), $"{command.Value}: {option.Value}"));
        }

        var all = string.Concat(mnist.Values);
        var spoken = Documents.Spans.SelectMany(span => Option().Matches(span)).Select(option => option.Value).Except(Foreign).ToArray();
        Assert.NotEmpty(spoken);
        Assert.All(spoken, option => Assert.True(Names(all, option), option));
    }

    private static bool Names(string help, string option) => Regex.IsMatch(help, $@"{option}(?![\w-])");

    private static async Task<string> Help(string program, string verb)
    {
        var run = await SampleProgram.RunNamedAsync(program, [.. verb.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output;
    }

    [GeneratedRegex(@"^dotnet run -c Release --project (\S+)(?: --(?: ([a-z]+))?(?= |$))?(.*)$")]
    private static partial Regex Command();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*")]
    private static partial Regex Option();
}
