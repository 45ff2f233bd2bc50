using Google.Protobuf;
using ManagedFed.Federation.Tests.Fleet;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Text of other machines in logs and exceptions: one line, bounded, without characters that a terminal acts on.</summary>
public sealed class PeerTextTests
{
    private const string Forged = "x\n2026-01-01 fail: \u001b[31mforged\u202e\u2028\u0085\ud800\u200b";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Evil => Forged + new string('A', 500_000);

    [Theory]
    [InlineData("plain, ä and 数", "plain, ä and 数")]
    [InlineData("a\r\nb\tc\u001b[0m", "a  b c [0m")]
    [InlineData("a\u202eb\u2066c\u200ed\ufeff", "a b c d ")]
    [InlineData("a\u2028b\u2029c", "a b c")]
    [InlineData("a\ud83d\ude00b", "a\ud83d\ude00b")]
    [InlineData("\udb40\udc41", " ")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void Harmless_OfText_IsOneLine(string? text, string expected) => Assert.Equal(expected, PeerText.Harmless(text));

    [Fact]
    public void Harmless_OfLongText_IsBoundedAndSplitsNoPair()
    {
        Assert.Equal("a b c", PeerText.Harmless("a\ud800b\udc00c"));
        Assert.Equal(256, PeerText.Harmless(Evil).Length);
        Assert.Equal(255, PeerText.Harmless(new string('a', 255) + "\ud83d\ude00").Length);
    }

    /// <summary>Every text that a client can send on the stream, one at a time, in every phase; all lines and failures are looked at.</summary>
    [Fact]
    public async Task Server_OnTheStream_LogsNothingHarmful()
    {
        var log = new LogRecorder();
        var replies = new List<Reply>
        {
            new FitResult(new(ResultCode.FitNotImplemented, Evil), Parameters.Empty, 0, TestKit.NoValues),
            new FitResult(ResultStatus.Success, Parameters.Opaque(Clean(Evil)), 1, TestKit.NoValues),
            new FitResult(ResultStatus.Success, new(TestKit.Floats(1)), 1, new Dictionary<string, Scalar> { [Clean(Evil)[..1000]] = Clean(Evil)[..1000] }),
        };
        foreach (var reply in replies)
        {
            var connection = new OneAnswer(reply);
            var registry = new ClientRegistry(log);
            registry.Join(connection);
            var strategy = new FedAvg
            {
                InitialParameters = new(TestKit.Floats(0)),
                FractionEvaluate = 0,
                MinFitClients = 1,
                MinAvailableClients = 1,
                FitMetricsAggregation = reply == replies[^1] ? null : Metrics.WeightedAverage,
            };
            await ServerLoop.Create(new(1) { AllowUntrained = true }, strategy, registry, new(), log).RunAsync(Token).Bounded();
        }
        Harmless(log.Lines);
        Assert.NotEmpty(log.WithId(302));
    }

    /// <summary>What a node reads in a message that cannot be read: names, types and ids.</summary>
    [Fact]
    public async Task Node_OfAHostileServer_LogsNothingHarmful()
    {
        var log = new LogRecorder();
        var work = new NodeWork(new ArrayRecordClient(LambdaClient.Adding(1, 1)), new InstructionRunner(LambdaClient.Adding(1, 1), TimeProvider.System, log), TimeProvider.System, log);
        var evil = Clean(Evil)[..2000];
        foreach (var type in new[] { "train", "evaluate", "query", "get_parameters", evil, $"train.{evil}" })
        {
            foreach (var content in new RecordDict[]
            {
                new((evil, new ConfigRecord((evil, evil)))), new(("fitins.parameters", new ConfigRecord((evil, 1)))), new(("arrays", new ArrayRecord((evil, TestKit.Floats(1)))), ("config", new ConfigRecord((evil, evil)))),
            })
            {
                var answer = await work.RunAsync(new() { MessageType = type, MessageId = evil }, content, Token);
                Harmless([answer.Error?.Reason ?? ""]);
            }
        }
        Harmless(log.Lines);
        Assert.NotEmpty(log.Lines);
    }

    [Fact]
    public void Exceptions_QuoteNothingHarmful()
    {
        var evil = Clean(Evil);
        Exception?[] all =
        [
            Record.Exception(() => ((Scalar)evil).AsDouble()), Record.Exception(() => new RecordDict((evil, new ConfigRecord()))["x"]),
            Record.Exception(() => new MetricRecord((evil, evil))), Record.Exception(() => ServerAddress.ToUri(evil, false)), Record.Exception(() => KeyList.Fingerprint(evil)),
        ];
        Assert.All(all, Assert.NotNull);
        Harmless([.. all.Select(exception => exception!.Message)]);
    }

    // A lone surrogate has no form in UTF-8, so that it cannot come over the wire as such.
    private static string Clean(string text) => text.Replace("\ud800", "", StringComparison.Ordinal);

    private static void Harmless(IReadOnlyList<string> lines) => Assert.All(lines, line =>
    {
        Assert.True(line.Length < 3000, $"a line of {line.Length} characters");
        Assert.DoesNotContain(line, c => char.IsControl(c) || c is '\u202e' or '\u2028' or '\u200b' || char.IsSurrogate(c));
    });

    private sealed class OneAnswer(Reply reply) : IClientConnection
    {
        public ClientInfo Info { get; } = ClientInfo.Create("test");

        public Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation) =>
            Task.FromResult(instruction is FitInstructions ? new Answer(reply, null, 1) : new(new DisconnectResult(DisconnectReason.Reconnect), null, 1));

        public void Abort(string reason)
        {
        }
    }
}
