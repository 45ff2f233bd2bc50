using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A server's Fleet without a transport, on a clock that stands still.</summary>
internal sealed class HandDesk
{
    public const ulong RunId = 17972862423711935946;

    public HandDesk(FleetOptions? options = null, KeyList? allowed = null, AppBundle? bundle = null, Func<ulong>? ids = null, ReplyLimits? limits = null)
    {
        Registry = new(Log);
        var nodes = new FleetNodes(Registry, options ?? new(), allowed, RunId, Clock, Log, ids, limits);
        Desk = new(nodes, new(RunId, bundle, Clock.GetUtcNow()), Clock);
    }

    public FakeTimeProvider Clock { get; } = new(new(2026, 11, 22, 17, 20, 0, TimeSpan.Zero));

    public LogRecorder Log { get; } = new();

    public ClientRegistry Registry { get; }

    public FleetDesk Desk { get; }

    /// <summary>The one client that is connected.</summary>
    public IClientConnection Client => Assert.Single(Registry.Snapshot());

    public HandNode Node() => new(this, NodeKey.Create());

    public HandNode JoinedNode()
    {
        var node = Node();
        node.Join();
        return node;
    }

    public static void Refused(StatusCode code, string part, Action act)
    {
        var refusal = Assert.Throws<RpcException>(act);
        Assert.Equal(code, refusal.StatusCode);
        Assert.Contains(part, refusal.Status.Detail);
    }
}

/// <summary>A node driven call by call.</summary>
internal sealed class HandNode(HandDesk server, NodeKey key)
{
    public NodeKey Key => key;

    public FleetDesk Desk => server.Desk;

    public FleetCaller Caller => Desk.Authenticate(key.Sign(server.Clock.GetUtcNow()), "ipv4:10.0.0.7:4711");

    public ulong Id { get; set; }

    public Wire.Node Self => new() { NodeId = Id };

    public ByteString PublicKey => ByteString.CopyFrom(key.PublicKey.Span);

    public void Join()
    {
        Id = Desk.Register(Caller, new() { PublicKey = PublicKey }).NodeId;
        Activate();
    }

    public void Activate(double interval = 30) =>
        Id = Desk.Activate(Caller, new() { PublicKey = PublicKey, HeartbeatInterval = interval }).NodeId;

    public void Beat(double interval = 30) => Assert.True(Desk.Heartbeat(Caller, new() { Node = Self, HeartbeatInterval = interval }).Success);

    public Wire.PullMessagesResponse Pull() => Desk.Pull(Caller, new() { Node = Self });

    public Wire.PullObjectResponse PullObject(string id) => Desk.PullObject(Caller, new() { Node = Self, RunId = HandDesk.RunId, ObjectId = id });

    public void Confirm(string id) => Desk.Confirm(Caller, new() { Node = Self, RunId = HandDesk.RunId, MessageObjectId = id });

    /// <summary>Pulls the instruction that must be there, with all its objects, and confirms it.</summary>
    public async Task<(Wire.Metadata Metadata, Instruction Instruction, RecordDict Content)> Receive()
    {
        var pulled = Pull();
        var message = Assert.Single(pulled.MessagesList);
        Assert.NotNull(message.Content);
        foreach (var id in ObjectTrees.Ids(pulled.MessageObjectTrees[0], ObjectLimits.Default)) Assert.True(PullObject(id).ObjectFound);
        var inflated = await new Inflation((id, _) => new(PullObject(id).ObjectContent.Memory), ObjectLimits.Default)
            .ReadAsync(message.Metadata.MessageId, TestContext.Current.CancellationToken);
        Confirm(message.Metadata.MessageId);
        return (inflated.Metadata, LegacyRecords.DecodeInstruction(inflated.Metadata.MessageType, inflated.Content!), inflated.Content!);
    }

    public Wire.Metadata ReplyTo(Wire.Metadata instruction) => new()
    {
        RunId = instruction.RunId,
        SrcNodeId = instruction.DstNodeId,
        DstNodeId = instruction.SrcNodeId,
        ReplyToMessageId = instruction.MessageId,
        MessageType = instruction.MessageType,
        CreatedAt = instruction.CreatedAt + 1,
        Ttl = instruction.Ttl - 1,
    };

    public DeflatedMessage Reply(Wire.Metadata instruction, Result result) => Deflation.Deflate(ReplyTo(instruction), LegacyRecords.Encode(result));

    public Wire.PushMessagesResponse Push(DeflatedMessage reply) =>
        Desk.Push(Caller, new() { Node = Self, MessagesList = { reply.Message }, MessageObjectTrees = { reply.Tree } });

    public bool PushObject(string id, ByteString content) =>
        Desk.PushObject(Caller, new() { Node = Self, RunId = HandDesk.RunId, ObjectId = id, ObjectContent = content }).Stored;

    /// <summary>Pushes a reply with the objects that are asked for; says which those were.</summary>
    public IReadOnlyList<string> Send(DeflatedMessage reply)
    {
        var wanted = Push(reply).ObjectsToPush;
        foreach (var id in wanted)
        {
            Assert.True(reply.TryRead(id, out var content));
            Assert.True(PushObject(id, content));
        }
        return wanted;
    }
}
