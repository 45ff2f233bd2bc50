using System.Security.Cryptography;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Who is registered, who is online, and who may say so.</summary>
public abstract class FleetNodesTests(Door door) : DeskTests(door)
{
    private readonly Door door = door;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static EvaluateInstructions Evaluate => new(new(TestKit.Floats(1)), TestKit.NoValues);

    private static Result Evaluated => new EvaluateResult(ResultStatus.Success, 0.5f, 3, TestKit.NoValues);

    [Fact]
    public void Register_SameKeyAgain_GivesTheSameNumberAndActivationJoins()
    {
        var node = Server.Node();
        var id = node.Register();
        Assert.True(id > 1);
        Assert.Equal(id, node.Register());
        Assert.Empty(Server.Registry.Snapshot());

        node.Activate();

        Assert.Equal(id, node.Id);
        Assert.EndsWith($"node {id}", Server.Client.Info.Peer);
    }

    [Fact]
    public void Register_NumbersThatAreTaken_AreDrawnAgain()
    {
        var draws = new Queue<ulong>([0, 1, 5, 5, 1, 6]);
        var fixedDesk = Also(new(ids: draws.Dequeue, door: door));
        Assert.Equal((5UL, 6UL), (fixedDesk.JoinedNode().Id, fixedDesk.JoinedNode().Id));
    }

    [Fact]
    public void Activate_KeyThatIsNotRegistered_IsRefused() =>
        HandDesk.Refused(FleetFault.Inactive, "call RegisterNode first", () => Server.Node().Activate());

    [Fact]
    public void Register_MoreNodesThanAllowed_WaitsForAPlaceThatNobodyUses()
    {
        var small = Also(new(new() { MaxNodes = 1 }, door: door));
        var first = small.JoinedNode();
        // A code with which nodes try again; those that are online keep their places.
        HandDesk.Refused(FleetFault.Unavailable, "1 nodes are registered, which is the most; try again in 60 s", () => small.JoinedNode());
        small.Clock.Advance(TimeSpan.FromSeconds(59));
        first.Beat();
        small.Clock.Advance(TimeSpan.FromSeconds(59));
        HandDesk.Refused(FleetFault.Unavailable, "try again", () => small.JoinedNode());
        small.Clock.Advance(TimeSpan.FromSeconds(61));
        Assert.NotEqual(first.Id, small.JoinedNode().Id);
    }

    /// <summary>Fresh keys that register and do nothing hold their places for a minute, and only those of their own address.</summary>
    [Fact]
    public void Register_FloodOfFreshKeys_EndsAndHonestNodesComeIn()
    {
        var small = Also(new(new() { MaxNodes = 20, MaxNodesPerAddress = 15 }, door: door));
        for (var i = 0; i < 15; i++) Register(small, $"ipv4:10.0.0.1:{i}");
        HandDesk.Refused(FleetFault.Unavailable, "15 nodes of 10.0.0.1 are registered", () => Register(small, "ipv4:10.0.0.1:99"));
        for (var i = 0; i < 5; i++) Register(small, $"ipv6:[2001:db8::{i:x}]:1");
        HandDesk.Refused(FleetFault.Unavailable, "20 nodes are registered", () => Register(small, "ipv6:[2001:db9::1]:1"));
        small.Clock.Advance(TimeSpan.FromSeconds(60));
        for (var i = 0; i < 15; i++) small.JoinedNode(); // of 10.0.0.7
        HandDesk.Refused(FleetFault.Unavailable, "are registered", () => small.JoinedNode());
    }

    private static void Register(HandDesk desk, string peer)
    {
        using var key = NodeKey.Create();
        var caller = desk.Desk.Authenticate(key.Sign(desk.Clock.GetUtcNow()), peer);
        desk.Desk.Register(caller, new() { PublicKey = ByteString.CopyFrom(key.PublicKey.Span) });
    }

    /// <summary>A server that knows nothing takes a node in again under its number, whatever the node's next call is.</summary>
    [Theory]
    [InlineData("heartbeat")]
    [InlineData("pull")]
    [InlineData("run")]
    public async Task Node_OfAServerThatWasRestarted_GoesOnUnderItsNumber(string first)
    {
        using var key = NodeKey.Create();
        var node = new HandNode(Server, key);
        node.Join();
        var restarted = Also(new(door: door));
        var same = new HandNode(restarted, key) { Id = node.Id };
        if (first == "heartbeat") same.Beat();
        else if (first == "pull") Assert.Empty(same.Pull().MessagesList);
        else Assert.NotNull(same.GetRun());

        var answer = restarted.Client.AskAsync(Evaluate, Token);
        var (metadata, _, _) = await same.Receive();
        same.Send(same.Reply(metadata, Evaluated));
        Assert.NotNull((await answer.Bounded()).Reply);

        // Another key does not get that number, nor does this key another one.
        HandDesk.Refused(FleetFault.Unauthenticated, "is not this key's", () => new HandNode(restarted, NodeKey.Create()) { Id = node.Id }.Pull());
        HandDesk.Refused(FleetFault.Unauthenticated, "is not this key's", () => new HandNode(restarted, key) { Id = node.Id + 1 }.Pull());
    }

    [Fact]
    public void Node_OfAServerThatWasRestarted_IsOnlyTakenInWhenItsKeyIsListed()
    {
        using var key = NodeKey.Create();
        var node = new HandNode(Server, key);
        node.Join();
        var strict = Also(new(allowed: new([NodeKey.Create().PublicKeyPem]), door: door));
        HandDesk.Refused(FleetFault.Unauthenticated, "is not this key's", () => new HandNode(strict, key) { Id = node.Id }.Beat());
        var listed = Also(new(allowed: new([key.PublicKeyPem]), door: door));
        new HandNode(listed, key) { Id = node.Id }.Beat();
        Assert.Single(listed.Registry.Snapshot());
    }

    [Fact]
    public void Authenticate_ManyKeys_AreHeldUpToABoundAndStillKnown()
    {
        using var ring = new KeyRing(2);
        using var keys = new Disposables();
        for (var round = 0; round < 2; round++)
        {
            var now = Server.Clock.GetUtcNow().AddSeconds(round);
            foreach (var key in keys.Keys)
            {
                for (var twice = 0; twice < 2; twice++) Assert.Equal(KeyList.Fingerprint(key.PublicKeyPem), ring.Check(key.Sign(now), now, out _));
                Assert.Null(ring.Check(key.Sign(now) with { Signature = new byte[] { 1 } }, now, out var problem));
                Assert.Contains("signature", problem, StringComparison.Ordinal);
                Assert.InRange(ring.Count, 1, 2);
            }
        }
        Assert.Null(ring.Check(new(new byte[2000], "", default), Server.Clock.GetUtcNow(), out var large));
        Assert.Equal("the public key has 2000 bytes, at most 1024 are taken", large);
    }

    private sealed class Disposables : IDisposable
    {
        public NodeKey[] Keys { get; } = [NodeKey.Create(), NodeKey.Create(), NodeKey.Create()];

        public void Dispose()
        {
            foreach (var key in Keys) key.Dispose();
        }
    }

    [Theory]
    [InlineData(9.99)]
    [InlineData(1800.5)]
    [InlineData(double.NaN)]
    public void Heartbeat_IntervalOutOfRange_IsRefused(double interval)
    {
        var node = Server.JoinedNode();
        HandDesk.Refused(FleetFault.Interval, "it must be from 10 to 1800", () => node.Beat(interval));
        HandDesk.Refused(FleetFault.Interval, "it must be from 10 to 1800", () => node.Activate(interval));
    }

    /// <summary>Offline after twice the interval; the interval of the last heartbeat counts.</summary>
    [Fact]
    public async Task Heartbeat_ThatStaysAway_EndsTheStay()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Evaluate, Token);
        Server.Clock.Advance(TimeSpan.FromSeconds(59));
        node.Beat(100);
        Server.Clock.Advance(TimeSpan.FromSeconds(199.9));
        Assert.Single(Server.Registry.Snapshot());

        Server.Clock.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Empty(Server.Registry.Snapshot());
        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
        Assert.Single(Server.Log.WithId(107));
        HandDesk.Refused(FleetFault.Inactive, "is offline", () => node.Pull());
    }

    [Fact]
    public void Heartbeat_AfterSilence_IsANewStay()
    {
        var node = Server.JoinedNode();
        var first = Server.Client.Info;
        Server.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Empty(Server.Registry.Snapshot());

        node.Beat();

        Assert.NotEqual(first, Server.Client.Info);
        Assert.Empty(node.Pull().MessagesList);
    }

    [Fact]
    public async Task Activate_WhileOnline_EndsTheStayBefore()
    {
        var node = Server.JoinedNode();
        var first = Server.Client;
        var answer = first.AskAsync(Evaluate, Token);
        await node.Receive();

        node.Activate();

        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
        Assert.NotEqual(first, Server.Client);
        Assert.Equal(FailureReason.Disconnected, (await first.AskAsync(Evaluate, Token)).Failure!.Reason);
    }

    [Fact]
    public async Task Deactivate_AfterTheReplyIsThere_KeepsTheReply()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Evaluate, Token);
        var (metadata, _, _) = await node.Receive();
        node.Send(node.Reply(metadata, Evaluated));

        node.Deactivate();

        Assert.IsType<EvaluateResult>((await answer.Bounded()).Reply);
        Assert.Empty(Server.Registry.Snapshot());
    }

    [Fact]
    public async Task Deactivate_BeforeTheObjectsAreThere_FailsTheAnswer()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Evaluate, Token);
        var (metadata, _, _) = await node.Receive();
        node.Push(node.Reply(metadata, Evaluated));

        node.Deactivate();

        Assert.Equal(FailureReason.Disconnected, (await answer.Bounded()).Failure!.Reason);
    }

    [Fact]
    public void Unregister_NodesNumber_IsForgotten()
    {
        var node = Server.JoinedNode();
        node.Unregister();

        Assert.Empty(Server.Registry.Snapshot());
        HandDesk.Refused(FleetFault.Unauthenticated, "is not this key's", () => node.Beat());
    }

    /// <summary>A busy node that took too long is asked again when it shows up with its late reply, not before.</summary>
    [Fact]
    public async Task Abort_NodeThatIsBusy_ComesBackWithItsLateReply()
    {
        var node = Server.JoinedNode();
        var first = Server.Client;
        using var timer = new CancellationTokenSource();
        var answer = first.AskAsync(Evaluate, timer.Token);
        var (metadata, _, _) = await node.Receive();
        await timer.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer.Bounded());
        first.Abort("too long");
        Server.Registry.Leave(first, "too long");

        node.Beat();
        Assert.Empty(node.Pull().MessagesList);
        Assert.Empty(Server.Registry.Snapshot());
        HandDesk.Refused(FleetFault.Denied, "it came too late", () => node.Push(node.Reply(metadata, Evaluated)));

        var again = Server.Client.AskAsync(Evaluate, Token);
        (metadata, _, _) = await node.Receive();
        node.Send(node.Reply(metadata, Evaluated));
        Assert.IsType<EvaluateResult>((await again.Bounded()).Reply);
    }

    [Fact]
    public void Activate_AfterTheRun_IsUnavailable()
    {
        Server.Registry.Close();
        HandDesk.Refused(FleetFault.Unavailable, "the run is over", () => Server.JoinedNode());
    }

    [Fact]
    public void Find_AnotherNodesNumber_IsRefused()
    {
        var (one, two) = (Server.JoinedNode(), Server.JoinedNode());
        two.Id = one.Id;
        HandDesk.Refused(FleetFault.Unauthenticated, $"node {one.Id} is not this key's", () => two.Pull());
        HandDesk.Refused(FleetFault.Unauthenticated, "is not this key's", two.Deactivate);
        HandDesk.Refused(FleetFault.Unauthenticated, "node 0 is not this key's", () => two.Pull(named: false));
        Assert.Equal(2, Server.Registry.Snapshot().Count);
    }

    [Fact]
    public void Register_AnotherKeyThanTheSigner_IsRefused()
    {
        var (one, two) = (Server.Node(), Server.Node());
        HandDesk.Refused(FleetFault.Unauthenticated, "another key", () => one.Register(two.PublicKey));
        HandDesk.Refused(FleetFault.Invalid, "is no public key", () => one.Register(ByteString.CopyFromUtf8("key")));
    }

    [Theory]
    [InlineData(-306, false)]
    [InlineData(-305, true)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public void Authenticate_Timestamp_CountsWithinItsWindow(double seconds, bool counts)
    {
        using var key = NodeKey.Create();
        var headers = key.Sign(Server.Clock.GetUtcNow().AddSeconds(seconds));
        if (counts) Server.Desk.Authenticate(headers, "");
        else HandDesk.Refused(FleetFault.Unauthenticated, "do both clocks run right?", () => Server.Desk.Authenticate(headers, ""));
    }

    [Fact]
    public void Authenticate_NoOrAnothersSignature_IsRefused()
    {
        using var one = NodeKey.Create();
        using var two = NodeKey.Create();
        var headers = one.Sign(Server.Clock.GetUtcNow());
        HandDesk.Refused(FleetFault.Unauthenticated, "the call is not signed", () => new FleetGate(Server.Desk).Enter("GetRun", null, SignedHeaders.Http, ""));
        HandDesk.Refused(
            FleetFault.Unauthenticated, "the signature is not of this timestamp by this key",
            () => Server.Desk.Authenticate(headers with { PublicKey = two.PublicKey }, ""));
        HandDesk.Refused(
            FleetFault.Unauthenticated, "cannot be read", () => Server.Desk.Authenticate(headers with { PublicKey = "x"u8.ToArray() }, ""));
    }

    /// <summary>With listed keys nobody registers; a listed key is activated at once, whichever of its two forms was listed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Activate_ListedKeys_JoinAndOthersDoNot(bool openSsh)
    {
        using var key = NodeKey.Create();
        var strict = Also(new(allowed: new([openSsh ? OpenSshLine(key) : key.PublicKeyPem]), door: door));
        var (listed, other) = (new HandNode(strict, key), strict.Node());

        HandDesk.Refused(FleetFault.RegistrationClosed, "knows its nodes by their keys", listed.Join);
        HandDesk.Refused(FleetFault.Unauthenticated, "is not among the server's keys", () => other.Activate());
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

/// <inheritdoc/>
public sealed class FleetNodesTestsInMemory() : FleetNodesTests(Door.Memory);

/// <inheritdoc/>
public sealed class FleetNodesTestsOverGrpc() : FleetNodesTests(Door.Grpc);

/// <inheritdoc/>
public sealed class FleetNodesTestsOverHttp() : FleetNodesTests(Door.Http);
