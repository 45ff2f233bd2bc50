using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Who is registered, who is online, and who may say so.</summary>
public sealed class FleetNodesTests
{
    private readonly HandDesk server = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static EvaluateInstructions Evaluate => new(new(TestKit.Floats(1)), TestKit.NoValues);

    private static Result Evaluated => new EvaluateResult(ResultStatus.Success, 0.5f, 3, TestKit.NoValues);

    [Fact]
    public void Register_SameKeyAgain_GivesTheSameNumberAndActivationJoins()
    {
        var node = server.Node();
        var id = server.Desk.Register(node.Caller, new() { PublicKey = node.PublicKey }).NodeId;
        Assert.True(id > 1);
        Assert.Equal(id, server.Desk.Register(node.Caller, new() { PublicKey = node.PublicKey }).NodeId);
        Assert.Empty(server.Registry.Snapshot());

        node.Activate();

        Assert.Equal(id, node.Id);
        Assert.EndsWith($"node {id}", server.Client.Info.Peer);
    }

    [Fact]
    public void Register_NumbersThatAreTaken_AreDrawnAgain()
    {
        var draws = new Queue<ulong>([0, 1, 5, 5, 1, 6]);
        var fixedDesk = new HandDesk(ids: draws.Dequeue);
        Assert.Equal((5UL, 6UL), (fixedDesk.JoinedNode().Id, fixedDesk.JoinedNode().Id));
    }

    [Fact]
    public void Activate_KeyThatIsNotRegistered_IsRefused() =>
        HandDesk.Refused(StatusCode.FailedPrecondition, "call RegisterNode first", () => server.Node().Activate());

    [Fact]
    public void Register_MoreNodesThanAllowed_IsRefused()
    {
        var small = new HandDesk(new() { MaxNodes = 1 });
        small.JoinedNode();
        HandDesk.Refused(StatusCode.ResourceExhausted, "1 nodes are registered, at most 1 are allowed", () => small.JoinedNode());
    }

    [Theory]
    [InlineData(9.99)]
    [InlineData(1800.5)]
    [InlineData(double.NaN)]
    public void Heartbeat_IntervalOutOfRange_IsRefused(double interval)
    {
        var node = server.JoinedNode();
        HandDesk.Refused(StatusCode.InvalidArgument, "it must be from 10 to 1800", () => node.Beat(interval));
        HandDesk.Refused(StatusCode.InvalidArgument, "it must be from 10 to 1800", () => node.Activate(interval));
    }

    /// <summary>Offline after twice the interval; the interval of the last heartbeat counts.</summary>
    [Fact]
    public async Task Heartbeat_ThatStaysAway_EndsTheStay()
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Evaluate, Token);
        server.Clock.Advance(TimeSpan.FromSeconds(59));
        node.Beat(100);
        server.Clock.Advance(TimeSpan.FromSeconds(199.9));
        Assert.Single(server.Registry.Snapshot());

        server.Clock.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Empty(server.Registry.Snapshot());
        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
        Assert.Single(server.Log.WithId(107));
        HandDesk.Refused(StatusCode.FailedPrecondition, "is offline", () => node.Pull());
    }

    [Fact]
    public void Heartbeat_AfterSilence_IsANewStay()
    {
        var node = server.JoinedNode();
        var first = server.Client.Info;
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Empty(server.Registry.Snapshot());

        node.Beat();

        Assert.NotEqual(first, server.Client.Info);
        Assert.Empty(node.Pull().MessagesList);
    }

    [Fact]
    public async Task Activate_WhileOnline_EndsTheStayBefore()
    {
        var node = server.JoinedNode();
        var first = server.Client;
        var answer = first.AskAsync(Evaluate, Token);
        await node.Receive();

        node.Activate();

        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
        Assert.NotEqual(first, server.Client);
        Assert.Equal(FailureReason.Disconnected, (await first.AskAsync(Evaluate, Token)).Failure!.Reason);
    }

    [Fact]
    public async Task Deactivate_AfterTheReplyIsThere_KeepsTheReply()
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Evaluate, Token);
        var (metadata, _, _) = await node.Receive();
        node.Send(node.Reply(metadata, Evaluated));

        server.Desk.Deactivate(node.Caller, new() { NodeId = node.Id });

        Assert.IsType<EvaluateResult>((await answer.Bounded()).Reply);
        Assert.Empty(server.Registry.Snapshot());
    }

    [Fact]
    public async Task Deactivate_BeforeTheObjectsAreThere_FailsTheAnswer()
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Evaluate, Token);
        var (metadata, _, _) = await node.Receive();
        node.Push(node.Reply(metadata, Evaluated));

        server.Desk.Deactivate(node.Caller, new() { NodeId = node.Id });

        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
    }

    [Fact]
    public void Unregister_NodesNumber_IsForgotten()
    {
        var node = server.JoinedNode();
        server.Desk.Unregister(node.Caller, new() { NodeId = node.Id });

        Assert.Empty(server.Registry.Snapshot());
        HandDesk.Refused(StatusCode.Unauthenticated, "is not this key's", () => node.Beat());
    }

    /// <summary>A busy node that took too long is asked again when it shows up with its late reply, not before.</summary>
    [Fact]
    public async Task Abort_NodeThatIsBusy_ComesBackWithItsLateReply()
    {
        var node = server.JoinedNode();
        var first = server.Client;
        using var timer = new CancellationTokenSource();
        var answer = first.AskAsync(Evaluate, timer.Token);
        var (metadata, _, _) = await node.Receive();
        await timer.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer.Bounded());
        first.Abort("too long");
        server.Registry.Leave(first, "too long");

        node.Beat();
        Assert.Empty(node.Pull().MessagesList);
        Assert.Empty(server.Registry.Snapshot());
        HandDesk.Refused(StatusCode.PermissionDenied, "it came too late", () => node.Push(node.Reply(metadata, Evaluated)));

        var again = server.Client.AskAsync(Evaluate, Token);
        (metadata, _, _) = await node.Receive();
        node.Send(node.Reply(metadata, Evaluated));
        Assert.IsType<EvaluateResult>((await again.Bounded()).Reply);
    }

    [Fact]
    public void Activate_AfterTheRun_IsUnavailable()
    {
        server.Registry.Close();
        HandDesk.Refused(StatusCode.Unavailable, "the run is over", () => server.JoinedNode());
    }

    [Fact]
    public void Find_AnotherNodesNumber_IsRefused()
    {
        var (one, two) = (server.JoinedNode(), server.JoinedNode());
        two.Id = one.Id;
        HandDesk.Refused(StatusCode.Unauthenticated, $"node {one.Id} is not this key's", () => two.Pull());
        HandDesk.Refused(StatusCode.Unauthenticated, "is not this key's", () => server.Desk.Deactivate(two.Caller, new() { NodeId = one.Id }));
        HandDesk.Refused(StatusCode.Unauthenticated, "node 0 is not this key's", () => server.Desk.Pull(two.Caller, new()));
        Assert.Equal(2, server.Registry.Snapshot().Count);
    }

    [Fact]
    public void Register_AnotherKeyThanTheSigner_IsRefused()
    {
        var (one, two) = (server.Node(), server.Node());
        HandDesk.Refused(StatusCode.Unauthenticated, "another key", () => server.Desk.Register(one.Caller, new() { PublicKey = two.PublicKey }));
        HandDesk.Refused(StatusCode.InvalidArgument, "is no public key", () => server.Desk.Register(one.Caller, new() { PublicKey = ByteString.CopyFromUtf8("key") }));
    }

    [Theory]
    [InlineData(-306, false)]
    [InlineData(-305, true)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public void Authenticate_Timestamp_CountsWithinItsWindow(double seconds, bool counts)
    {
        using var key = NodeKey.Create();
        var headers = key.Sign(server.Clock.GetUtcNow().AddSeconds(seconds));
        if (counts) server.Desk.Authenticate(headers, "");
        else HandDesk.Refused(StatusCode.Unauthenticated, "do both clocks run right?", () => server.Desk.Authenticate(headers, ""));
    }

    [Fact]
    public void Authenticate_NoOrAnothersSignature_IsRefused()
    {
        using var one = NodeKey.Create();
        using var two = NodeKey.Create();
        var headers = one.Sign(server.Clock.GetUtcNow());
        HandDesk.Refused(StatusCode.Unauthenticated, "the call is not signed", () => server.Desk.Authenticate(null, ""));
        HandDesk.Refused(
            StatusCode.Unauthenticated, "the signature is not of this timestamp by this key",
            () => server.Desk.Authenticate(headers with { PublicKey = two.PublicKey }, ""));
        HandDesk.Refused(
            StatusCode.Unauthenticated, "cannot be read", () => server.Desk.Authenticate(headers with { PublicKey = "x"u8.ToArray() }, ""));
    }

    /// <summary>With listed keys nobody registers; a listed key is activated at once, whichever of its two forms was listed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Activate_ListedKeys_JoinAndOthersDoNot(bool openSsh)
    {
        using var key = NodeKey.Create();
        var strict = new HandDesk(allowed: new([openSsh ? OpenSshLine(key) : key.PublicKeyPem]));
        var (listed, other) = (new HandNode(strict, key), strict.Node());

        HandDesk.Refused(StatusCode.FailedPrecondition, "knows its nodes by their keys", listed.Join);
        HandDesk.Refused(StatusCode.Unauthenticated, "is not among the server's keys", () => other.Activate());
        listed.Activate();

        Assert.Contains($"node {listed.Id}", strict.Client.Info.Peer);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ssh-rsa AAAA")]
    [InlineData("ecdsa-sha2-nistp384 AAAA")]
    [InlineData("ecdsa-sha2-nistp384")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nMHYw\n-----END PUBLIC KEY-----\n")]
    public void Fingerprint_OtherText_IsRefused(string text) =>
        Assert.Contains("is no public key", Assert.Throws<FormatException>(() => KeyList.Fingerprint(text)).Message);

    /// <summary>RFC 5656: three strings with their lengths, in base64.</summary>
    private static string OpenSshLine(NodeKey key)
    {
        using var parsed = ECDsa.Create();
        parsed.ImportFromPem(key.PublicKeyPem);
        var point = parsed.ExportParameters(false).Q;
        byte[] blob = [.. Text("ecdsa-sha2-nistp384"u8), .. Text("nistp384"u8), .. Text([4, .. point.X!, .. point.Y!])];
        return $"ecdsa-sha2-nistp384 {Convert.ToBase64String(blob)} someone@somewhere\n";

        static byte[] Text(ReadOnlySpan<byte> text) => [0, 0, 0, (byte)text.Length, .. text];
    }
}
