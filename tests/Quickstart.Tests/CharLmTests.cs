using System.Globalization;
using System.Text.RegularExpressions;
using ManagedFed.Nn;
using ManagedFed.Samples.CharLm;
using Xunit;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Quickstart.Tests;

public sealed partial class CharLmTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Story_OneKey_IsOneTextOfVariedSentences()
    {
        var text = Story.Write(RandomKey.FromSeed(1), 20_000);

        Assert.Equal(text, Story.Write(RandomKey.FromSeed(1), 20_000));
        Assert.NotEqual(text, Story.Write(RandomKey.FromSeed(2), 20_000));
        Assert.InRange(text.Length, 20_000, 22_000);
        Assert.DoesNotContain('{', text);
        var sentences = text.Split(['.', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.InRange(sentences.Distinct().Count(), sentences.Length * 3 / 4, sentences.Length);
    }

    // abac: a, b, c are 0, 1, 2; the frequencies ½, ¼, ¼ have the entropy ½·ln 2 + 2·¼·ln 4 = 3/2·ln 2.
    [Fact]
    public void Corpus_ShortText_GivesCodesWindowsAndEntropy()
    {
        var corpus = new Corpus("abac");

        Assert.Equal("abc", string.Concat(corpus.Symbols));
        Assert.Equal([2, 0], corpus.Encode("ca"));
        Assert.Equal(1.5 * Math.Log(2), corpus.UnigramEntropy, 12);
        var (inputs, next) = corpus.Windows([0, 1], 2);
        Assert.Equal([0, 1, 1, 0], inputs.ToArray<int>());
        Assert.Equal([1, 0, 0, 2], next.ToArray<int>());
        Assert.Contains("'x' does not occur in the text; its characters are abc", Assert.Throws<ArgumentException>(() => corpus.Encode("x")).Message, StringComparison.Ordinal);
    }

    // Below the entropy of single characters only a model that uses the characters before can be.
    [Fact]
    public void Training_FewSteps_FallsBelowTheEntropyOfCharacters()
    {
        const int Window = 32, Starts = 32;
        var text = Story.Write(RandomKey.FromSeed(1), 20_000);
        var entropy = text.GroupBy(symbol => symbol).Select(kind => (double)kind.Count() / text.Length).Sum(p => -p * Math.Log(p));
        var corpus = new Corpus(text);
        Assert.Equal(entropy, corpus.UnigramEntropy, 9);

        var model = new CharModel(corpus.Symbols.Count, 64, RandomKey.FromSeed(0));
        var step = CompileStep(model, new Adam(0.01, biasCorrection: true), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        var losses = new List<double>();
        for (var i = 0; i < 100; i++)
        {
            var (inputs, next) = corpus.Windows([.. Enumerable.Range(0, Starts).Select(n => (n + i * Starts) * Window % (text.Length - Window - 1))], Window);
            losses.Add(step.Invoke(inputs, next));
        }

        // A new model knows nothing: its loss is near the logarithm of the number of characters.
        Assert.InRange(losses[0], Math.Log(corpus.Symbols.Count) - 0.2, Math.Log(corpus.Symbols.Count) + 0.2);
        Assert.InRange(losses[^10..].Average(), 0, entropy - 0.3);
    }

    [Fact]
    public void Continue_OneKey_IsOneText()
    {
        var corpus = new Corpus(Story.Write(RandomKey.FromSeed(1), 2_000));
        var model = new CharModel(corpus.Symbols.Count, 16, RandomKey.FromSeed(0));
        string Draw(ulong seed, double temperature = 1) => model.Continue(corpus, "\n", 60, temperature, RandomKey.FromSeed(seed), Stop);

        Assert.Equal(60, Draw(7).Length);
        Assert.Equal(Draw(7), Draw(7));
        Assert.NotEqual(Draw(7), Draw(8));

        // Close to 0 the likeliest character is drawn whatever the key.
        Assert.Equal(Draw(7, 1e-6), Draw(8, 1e-6));
    }

    // The states carried from character to character must equal those of one pass over the whole text.
    [Fact]
    public void Continue_Greedy_FollowsTheForwardPass()
    {
        var corpus = new Corpus(Story.Write(RandomKey.FromSeed(1), 2_000));
        var model = new CharModel(corpus.Symbols.Count, 16, RandomKey.FromSeed(3));
        var drawn = model.Continue(corpus, "The ", 20, 1e-6, RandomKey.FromSeed(0), Stop);

        var likeliest = model.Forward(Tensor.From<int>(corpus.Encode("The " + drawn))).ArgMax().ToArray<uint>();
        Assert.Equal(drawn, string.Concat(likeliest[3..^1].Select(code => corpus.Symbols[(int)code])));
    }

    [Fact]
    public async Task Program_SameSeed_PrintsLossesAndTheSameText()
    {
        string[] arguments = ["--epochs", "2", "--characters", "8000", "--length", "80", "--temperature", "0.5", "--seed", "5"];
        var runs = await Task.WhenAll(SampleProgram.RunNamedAsync("char-lm", arguments), SampleProgram.RunNamedAsync("char-lm", arguments));

        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Output + run.Error));
        var losses = Line().Matches(runs[0].Output).Select(line => double.Parse(line.Groups[2].Value, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(2, losses.Length);
        Assert.True(losses[1] < losses[0], runs[0].Output);
        Assert.Equal(Text(runs[0]), Text(runs[1]));
        Assert.InRange(Text(runs[0]).Length, 80, 82);

        static string Text(ProgramRun run) => run.Output.ReplaceLineEndings("\n").Split("\n\n", 2)[1];
    }

    [Theory]
    [InlineData("--length", "-1", "--length is -1, expected at least 0")]
    [InlineData("--temperature", "0", "--temperature is 0, expected a number above 0")]
    public async Task Program_BadOption_SaysWhatIsExpected(string option, string value, string message)
    {
        var run = await SampleProgram.RunNamedAsync("char-lm", option, value);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"Epoch (\d): training loss (\d\.\d{4}), \d+\.\d s")]
    private static partial Regex Line();
}
