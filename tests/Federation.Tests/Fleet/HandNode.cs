using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>How a test's nodes reach the desk.</summary>
public enum Door
{
    /// <summary>By a call, with nothing between.</summary>
    Memory,

    /// <summary>Over gRPC and a socket.</summary>
    Grpc,

    /// <summary>Over HTTP and a socket.</summary>
    Http,
}

/// <summary>A server's Fleet on a clock that stands still.</summary>
internal sealed class HandDesk : IDisposable
{
    public const ulong RunId = 17972862423711935946;

    private readonly WebApplication? app;

    public HandDesk(
        FleetOptions? options = null, KeyList? allowed = null, AppBundle? bundle = null, Func<ulong>? ids = null, ReplyLimits? limits = null,
        Door door = Door.Memory, PeerLimits? peers = null)
    {
        Registry = new(Log);
        var nodes = new FleetNodes(Registry, options ?? new(), allowed, RunId, Clock, Log, ids, limits);
        Desk = new(nodes, new(RunId, bundle, Clock.GetUtcNow()), Clock, options?.RequireSignedContent == true);
        if (door == Door.Memory)
        {
            Transport = new DeskTransport(Desk);
            return;
        }
        var server = new FederatedServerOptions { TimeProvider = Clock, PeerLimits = peers ?? new() };
        var (endpoint, gate) = (new IPEndPoint(IPAddress.Loopback, 0), new FleetGate(Desk));
        app = door == Door.Http ? GrpcHost.BuildHttp(endpoint, server, new(), Log, gate) : GrpcHost.Build(endpoint, server, new(), Log, gate);
        app.StartAsync().GetAwaiter().GetResult();
        var node = new FederatedNodeOptions { Wire = door == Door.Http ? FleetWire.Http : FleetWire.Grpc };
        Transport = node.Open(GrpcHost.AddressOf(app), Log);
    }

    public FakeTimeProvider Clock { get; } = new(new(2026, 11, 22, 17, 20, 0, TimeSpan.Zero));

    public LogRecorder Log { get; } = new();

    public ClientRegistry Registry { get; }

    public FleetDesk Desk { get; }

    public IFleetTransport Transport { get; }

    /// <summary>Where the port is.</summary>
    public string Address => GrpcHost.AddressOf(app!);

    /// <summary>The one client that is connected.</summary>
    public IClientConnection Client => Assert.Single(Registry.Snapshot());

    public HandNode Node() => new(this, NodeKey.Create());

    public HandNode JoinedNode()
    {
        var node = Node();
        node.Join();
        return node;
    }

    /// <summary>The refusal of a call, by whichever wire's code for it.</summary>
    public static void Refused(FleetFault fault, string part, Action act)
    {
        var refusal = Assert.Throws<FleetException>(act);
        Assert.Contains(refusal.Code, (string[])[$"{fault}", $"{GrpcFleet.CodeOf(fault)}", $"HTTP {HttpFleet.CodeOf(fault).Status}"]);
        Assert.Contains(part, refusal.Message);
    }

    public void Dispose()
    {
        Transport.Dispose();
        if (app is not null)
        {
            using var now = new CancellationTokenSource(TimeSpan.Zero);
            app.StopAsync(now.Token).GetAwaiter().GetResult();
            ((IDisposable)app).Dispose();
        }
        Desk.Dispose();
    }

    private sealed class DeskTransport(FleetDesk desk) : IFleetTransport
    {
        public (int Pushes, int Pulls) AtOnce => (1, 1);

        public ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation) =>
            new(desk.Call(method, desk.Authenticate(headers, "ipv4:10.0.0.7:4711"), new(request)).ToByteArray());

        public void Dispose()
        {
        }
    }
}

/// <summary>A node driven call by call.</summary>
internal sealed class HandNode(HandDesk server, NodeKey key)
{
    /// <summary>True to sign all that calls say.</summary>
    public bool SignsContent { get; init; }

    public ulong Id { get; set; }

    public Wire.Node Self => new() { NodeId = Id };

    public ByteString PublicKey => ByteString.CopyFrom(key.PublicKey.Span);

    public T Call<T>(string method, IMessage request, MessageParser<T> parser) where T : IMessage<T> => parser.ParseFrom(
        server.Transport.CallAsync(method, request.ToByteArray(), key.Sign(server.Clock.GetUtcNow()) with { ContentSigner = SignsContent ? new(key) : null }, default).AsTask().Bounded().GetAwaiter().GetResult());

    public void Join()
    {
        Id = Register();
        Activate();
    }

    public ulong Register(ByteString? named = null) =>
        Call("RegisterNode", new Wire.RegisterNodeRequest { PublicKey = named ?? PublicKey }, Wire.RegisterNodeResponse.Parser).NodeId;

    public void Activate(double interval = 30) => Id = Call(
        "ActivateNode", new Wire.ActivateNodeRequest { PublicKey = PublicKey, HeartbeatInterval = interval }, Wire.ActivateNodeResponse.Parser).NodeId;

    public void Deactivate() => Call("DeactivateNode", new Wire.DeactivateNodeRequest { NodeId = Id }, Wire.DeactivateNodeResponse.Parser);

    public void Unregister() => Call("UnregisterNode", new Wire.UnregisterNodeRequest { NodeId = Id }, Wire.UnregisterNodeResponse.Parser);

    public void Beat(double interval = 30) => Assert.True(Call(
        "SendNodeHeartbeat", new Wire.SendNodeHeartbeatRequest { Node = Self, HeartbeatInterval = interval }, Wire.SendNodeHeartbeatResponse.Parser).Success);

    public Wire.PullMessagesResponse Pull(bool named = true) =>
        Call("PullMessages", new Wire.PullMessagesRequest { Node = named ? Self : null }, Wire.PullMessagesResponse.Parser);

    public Wire.Run GetRun(ulong run = HandDesk.RunId) => Call("GetRun", new Wire.GetRunRequest { Node = Self, RunId = run }, Wire.GetRunResponse.Parser).Run;

    public Wire.Fab GetFab(string hash) =>
        Call("GetFab", new Wire.GetFabRequest { Node = Self, RunId = HandDesk.RunId, HashStr = hash }, Wire.GetFabResponse.Parser).Fab;

    public Wire.PullObjectResponse PullObject(string id) =>
        Call("PullObject", new Wire.PullObjectRequest { Node = Self, RunId = HandDesk.RunId, ObjectId = id }, Wire.PullObjectResponse.Parser);

    public void Confirm(string id) => Call(
        "ConfirmMessageReceived", new Wire.ConfirmMessageReceivedRequest { Node = Self, RunId = HandDesk.RunId, MessageObjectId = id },
        Wire.ConfirmMessageReceivedResponse.Parser);

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

    public Wire.PushMessagesResponse Push(DeflatedMessage reply) => Push(new Wire.PushMessagesRequest { MessagesList = { reply.Message }, MessageObjectTrees = { reply.Tree } });

    public Wire.PushMessagesResponse Push(Wire.PushMessagesRequest request)
    {
        request.Node = Self;
        return Call("PushMessages", request, Wire.PushMessagesResponse.Parser);
    }

    public bool PushObject(string id, ByteString content) => Call(
        "PushObject", new Wire.PushObjectRequest { Node = Self, RunId = HandDesk.RunId, ObjectId = id, ObjectContent = content },
        Wire.PushObjectResponse.Parser).Stored;

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
