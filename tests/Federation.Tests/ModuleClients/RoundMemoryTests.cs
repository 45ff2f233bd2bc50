using Xunit;

namespace ManagedFed.Federation.Tests.ModuleClients;

/// <summary>A client that is asked again for a round, or killed and started again, answers as one that was not.</summary>
public sealed class RoundMemoryTests : IDisposable
{
    private const int Rounds = 4;

    private readonly string folder = Directory.CreateTempSubdirectory("managedfed-client").FullName;

    public static TheoryData<string> Names => ClientKit.Names;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string StateFile => Path.Combine(folder, "state.safetensors");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task FitAsync_OfTheSameRoundAgain_GivesTheSameBits(string name)
    {
        var kind = ClientKit.Kinds[name];
        var expected = await Uninterrupted(kind);
        var (client, model) = (kind.Client(), kind.Start());
        for (var round = 1; round <= Rounds; round++)
        {
            for (var attempt = 0; attempt < 3; attempt++)
            {
                var answer = await client.FitAsync(model, kind.ConfigOf(round), Cancellation);
                Assert.Equal(expected[round - 1], ClientKit.Bits(answer));
                if (attempt == 2) model = answer.Parameters;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task FitAsync_OfAClientKilledInEachRound_GivesTheSameBits(string name)
    {
        var kind = ClientKit.Kinds[name];
        var expected = await Uninterrupted(kind);
        var model = kind.Start();
        for (var round = 1; round <= Rounds; round++)
        {
            // Killed before the file was replaced: the work is lost, the file is the round's before.
            var before = File.Exists(StateFile) ? File.ReadAllBytes(StateFile) : null;
            await Lasting(kind).FitAsync(model, kind.ConfigOf(round), Cancellation);
            if (before is null) File.Delete(StateFile);
            else File.WriteAllBytes(StateFile, before);

            // Killed after the file was replaced and before the answer was given, twice.
            for (var kill = 0; kill < 2; kill++) await Lasting(kind).FitAsync(model, kind.ConfigOf(round), Cancellation);

            var answer = await Lasting(kind).FitAsync(model, kind.ConfigOf(round), Cancellation);
            Assert.Equal(expected[round - 1], ClientKit.Bits(answer));
            model = answer.Parameters;
        }
        Assert.Equal([StateFile], Directory.GetFiles(folder));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task FitAsync_WithoutRoundsButAFile_GoesOnAfterARestart(string name)
    {
        var kind = ClientKit.Kinds[name];
        var (whole, model) = (kind.Client(), kind.Start());
        for (var round = 1; round <= Rounds; round++)
        {
            var expected = await whole.FitAsync(model, kind.ConfigOf(null), Cancellation);
            Assert.Equal(ClientKit.Bits(expected), ClientKit.Bits(await Lasting(kind).FitAsync(model, kind.ConfigOf(null), Cancellation)));
            model = expected.Parameters;
        }
    }

    [Fact]
    public async Task FitAsync_OfAnotherRunOrRound_MovesOn()
    {
        var kind = ClientKit.Kinds["dropout"];
        var (client, model) = (kind.Client(), kind.Start());
        var answers = new HashSet<string>();
        foreach (var (run, round) in new[] { ("a", 1), ("a", 2), ("b", 2), ("a", 2) })
        {
            answers.Add(ClientKit.Bits(await client.FitAsync(model, kind.ConfigOf(round, run), Cancellation)));
        }
        Assert.Equal(4, answers.Count);
    }

    [Theory]
    [InlineData("batch norm, local")]
    [InlineData("adam")]
    [InlineData("dropout")]
    public async Task FitAsync_ThatFailsInTheMiddle_LeavesTheStateAsItWas(string name)
    {
        var kind = ClientKit.Kinds[name];
        var expected = await Uninterrupted(kind);
        var calls = 0;
        var client = kind.Client(options => options with { Compile = false }, (p, y) => ++calls == 6 ? throw new InvalidOperationException("no") : ClientKit.Loss(p, y));
        var model = (await client.FitAsync(kind.Start(), kind.ConfigOf(1), Cancellation)).Parameters;
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await client.FitAsync(model, kind.ConfigOf(2), Cancellation));
        Assert.Equal(6, calls);
        Assert.Equal(expected[1], ClientKit.Bits(await client.FitAsync(model, kind.ConfigOf(2), Cancellation)));
    }

    [Fact]
    public async Task Constructor_OfADamagedFile_NamesIt()
    {
        var kind = ClientKit.Kinds["adam"];
        await Lasting(kind).FitAsync(kind.Start(), kind.ConfigOf(1), Cancellation);
        var whole = File.ReadAllBytes(StateFile);
        var header = BitConverter.ToInt64(whole);
        byte[][] damaged =
        [
            [], whole[..9], whole[..^1], [.. whole, 0],
            .. new[] { 9, (int)header / 2, (int)header + 9, whole.Length - 1 }.Select(at =>
            {
                var copy = whole.ToArray();
                copy[at] ^= 1;
                return copy;
            }),
        ];
        foreach (var bytes in damaged)
        {
            File.WriteAllBytes(StateFile, bytes);
            var error = Assert.Throws<FormatException>(() => Lasting(kind));
            Assert.StartsWith($"[module_client] the state file {StateFile} is damaged or another program's: ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Constructor_OfAnotherModelsFile_NamesTheDifference()
    {
        var kind = ClientKit.Kinds["batch norm, local"];
        await Lasting(kind).FitAsync(kind.Start(), kind.ConfigOf(1), Cancellation);
        var error = Assert.Throws<FormatException>(() => Lasting(ClientKit.Kinds["sgd"]));
        Assert.StartsWith($"[module_client] the state file {StateFile} is another model's or optimizer's: [module_client] ", error.Message, StringComparison.Ordinal);
        Assert.Contains("unknown: layers.1.weight (4,) float32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_OfAFileInAFolderThatIsMissing_IsRefused() => Assert.Throws<DirectoryNotFoundException>(() =>
        ClientKit.Kinds["sgd"].Client(options => options with { StateFile = Path.Combine(folder, "missing", "state") }));

    [Fact]
    public async Task FitAsync_WhenTheFileCannotBeWritten_GivesNoAnswerAndMovesNowhere()
    {
        var kind = ClientKit.Kinds["adam"];
        var expected = await Uninterrupted(kind);
        var client = Lasting(kind);
        Directory.Delete(folder);
        await Assert.ThrowsAsync<DirectoryNotFoundException>(async () => await client.FitAsync(kind.Start(), kind.ConfigOf(1), Cancellation));
        Directory.CreateDirectory(folder);
        Assert.Equal(expected[0], ClientKit.Bits(await client.FitAsync(kind.Start(), kind.ConfigOf(1), Cancellation)));
    }

    private ModuleClient Lasting(ClientKit.Kind kind) => kind.Client(options => options with { StateFile = StateFile });

    private static async Task<string[]> Uninterrupted(ClientKit.Kind kind)
    {
        var (client, model) = (kind.Client(), kind.Start());
        var answers = new List<string>();
        for (var round = 1; round <= Rounds; round++)
        {
            var answer = await client.FitAsync(model, kind.ConfigOf(null), Cancellation);
            answers.Add(ClientKit.Bits(answer));
            model = answer.Parameters;
        }
        return [.. answers];
    }
}
