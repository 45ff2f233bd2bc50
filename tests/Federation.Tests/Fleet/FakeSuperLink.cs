using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A clock whose waits under 5 s pass at once; limits of calls and heartbeats stay timers on it.</summary>
internal sealed class SkippingTime : FakeTimeProvider
{
    public SkippingTime() : base(new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero))
    {
    }

    public ConcurrentQueue<TimeSpan> Waits { get; } = [];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime <= TimeSpan.Zero || dueTime >= TimeSpan.FromSeconds(5)) return base.CreateTimer(callback, state, dueTime, period);
        Waits.Enqueue(dueTime);
        Advance(dueTime);
        return System.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}

/// <summary>Chance without chance: waits between attempts are a tenth of the most, short enough for <see cref="SkippingTime"/> to skip.</summary>
internal sealed class Tenth : Random
{
    public override double NextDouble() => 0.1;
}

/// <summary>A SuperLink in memory that checks what a real one checks.</summary>
internal sealed class FakeSuperLink(TimeProvider time) : IFleetTransport
{
    public const ulong RunId = 17972862423711935946;

    private readonly Channel<DeflatedMessage?> queue = Channel.CreateUnbounded<DeflatedMessage?>();
    private readonly Channel<FleetMessage> replies = Channel.CreateUnbounded<FleetMessage>();
    private readonly ConcurrentDictionary<string, ByteString> objects = [];
    private readonly ConcurrentDictionary<string, Wire.Metadata> sent = [];
    private ulong nodes = 1UL << 63;

    /// <summary>The methods called, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>The ids of objects that were pulled.</summary>
    public ConcurrentQueue<string> Pulled { get; } = [];

    /// <summary>The ids of objects that were pushed.</summary>
    public ConcurrentQueue<string> Pushed { get; } = [];

    /// <summary>The node of each public key.</summary>
    public ConcurrentDictionary<string, ulong> Nodes { get; } = [];

    /// <summary>Looks at each call first and may throw.</summary>
    public Action<string> Fault { get; set; } = _ => { };

    /// <summary>May put another response in place of a pulled object.</summary>
    public Func<string, ByteString, Wire.PullObjectResponse?> Replace { get; set; } = (_, _) => null;

    /// <summary>What GetRun says of the run.</summary>
    public string RunStatus { get; set; } = "running";

    public bool AuthenticationOnly { get; set; }

    /// <summary>The keys that were registered, in order.</summary>
    public ConcurrentQueue<string> Registered { get; } = [];

    /// <summary>What nodes said of their version, over HTTP.</summary>
    public ConcurrentQueue<string> Versions { get; } = [];

    /// <summary>What nodes are told of it.</summary>
    public string? VersionWarning { get; set; }

    public DeflatedMessage Send(string type, RecordDict? content, Wire.Error? error = null, double ttl = 43_200, string group = "")
    {
        var message = Deflation.Deflate(
            new()
            {
                RunId = RunId,
                SrcNodeId = 1,
                DstNodeId = nodes,
                MessageType = type,
                GroupId = group,
                Ttl = ttl,
                CreatedAt = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0,
            },
            content, error);
        foreach (var id in message.Ids)
        {
            Assert.True(message.TryRead(id, out var bytes));
            objects[id] = bytes;
        }
        sent[message.Id] = message.Message.Metadata;
        queue.Writer.TryWrite(message);
        return message;
    }

    /// <summary>Answers one pull with no message.</summary>
    public void SendNothing() => queue.Writer.TryWrite(null);

    public Task<FleetMessage> NextReply() => replies.Reader.ReadAsync().AsTask().Bounded();

    public (int Pushes, int Pulls) AtOnce => (3, 4);

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        Calls.Enqueue(method);
        Fault(method);
        Assert.Null(headers.Problem(time.GetUtcNow()));
        var key = Convert.ToHexString(headers.PublicKey.Span);
        IMessage response = method switch
        {
            "RegisterNode" => Register(key, Wire.RegisterNodeRequest.Parser.ParseFrom(request)),
            "ActivateNode" => new Wire.ActivateNodeResponse { NodeId = Node(key, null) },
            "DeactivateNode" => Know(key, Wire.DeactivateNodeRequest.Parser.ParseFrom(request).NodeId, new Wire.DeactivateNodeResponse()),
            "UnregisterNode" => Know(key, Wire.UnregisterNodeRequest.Parser.ParseFrom(request).NodeId, new Wire.UnregisterNodeResponse()),
            "SendNodeHeartbeat" => Know(
                key, Wire.SendNodeHeartbeatRequest.Parser.ParseFrom(request).Node.NodeId, new Wire.SendNodeHeartbeatResponse { Success = true }),
            "PullMessages" => await PullAsync(key, Wire.PullMessagesRequest.Parser.ParseFrom(request), cancellation),
            "PushMessages" => Push(key, Wire.PushMessagesRequest.Parser.ParseFrom(request)),
            "PullObject" => PullObject(Wire.PullObjectRequest.Parser.ParseFrom(request)),
            "PushObject" => await PushObjectAsync(Wire.PushObjectRequest.Parser.ParseFrom(request)),
            "ConfirmMessageReceived" => Confirm(Wire.ConfirmMessageReceivedRequest.Parser.ParseFrom(request)),
            "GetRun" => new Wire.GetRunResponse { Run = new() { RunId = RunId, Status = new() { Status = RunStatus } } },
            _ => throw new FleetException(FleetFault.Unknown, method),
        };
        return response.ToByteArray();
    }

    public void Dispose()
    {
    }

    private ulong Node(string key, ulong? said) => Nodes.TryGetValue(key, out var node) && (said is null || said == node) ? node
        : throw new FleetException(FleetFault.Unauthenticated, "Node not found.");

    private IMessage Know(string key, ulong said, IMessage response) => Node(key, said) > 0 ? response : response;

    private Wire.RegisterNodeResponse Register(string key, Wire.RegisterNodeRequest request)
    {
        Assert.Equal(key, Convert.ToHexString(request.PublicKey.Span));
        if (AuthenticationOnly) throw new FleetException(FleetFault.RegistrationClosed, "SuperNode authentication is enabled.");
        if (!Nodes.TryAdd(key, ++nodes)) throw new FleetException(FleetFault.RegistrationClosed, "Public key already in use.");
        Registered.Enqueue(key);
        return new() { NodeId = nodes };
    }

    private async Task<IMessage> PullAsync(string key, Wire.PullMessagesRequest request, CancellationToken cancellation)
    {
        Node(key, request.Node.NodeId);
        if (await queue.Reader.ReadAsync(cancellation) is not { } message) return new Wire.PullMessagesResponse();
        return new Wire.PullMessagesResponse { MessagesList = { message.Message }, MessageObjectTrees = { message.Tree } };
    }

    private Wire.PullObjectResponse PullObject(Wire.PullObjectRequest request)
    {
        Assert.Equal(RunId, request.RunId);
        Pulled.Enqueue(request.ObjectId);
        if (!objects.TryGetValue(request.ObjectId, out var content)) return new();
        return Replace(request.ObjectId, content) ?? new() { ObjectFound = true, ObjectAvailable = true, ObjectContent = content };
    }

    private Wire.ConfirmMessageReceivedResponse Confirm(Wire.ConfirmMessageReceivedRequest request)
    {
        Assert.True(sent.ContainsKey(request.MessageObjectId));
        return new();
    }

    private Wire.PushMessagesResponse Push(string key, Wire.PushMessagesRequest request)
    {
        var node = Node(key, request.Node.NodeId);
        var (reply, tree) = (request.MessagesList.Single(), request.MessageObjectTrees.Single());
        var asked = sent[reply.Metadata.ReplyToMessageId];
        Assert.Equal((asked.RunId, asked.GroupId, asked.MessageType), (reply.Metadata.RunId, reply.Metadata.GroupId, reply.Metadata.MessageType));
        Assert.Equal((node, asked.SrcNodeId), (reply.Metadata.SrcNodeId, reply.Metadata.DstNodeId));
        Assert.True(reply.Metadata.CreatedAt > asked.CreatedAt);
        Assert.Equal(asked.Ttl - (reply.Metadata.CreatedAt - asked.CreatedAt), reply.Metadata.Ttl, 0.1);
        Assert.Equal(tree.ObjectId, reply.Metadata.MessageId);
        Assert.True(reply.Content is null != reply.Error is null);
        Assert.True(request.ClientappRuntimeList.Single() >= 0);
        pending = (tree.ObjectId, [.. ObjectTrees.Ids(tree, ObjectLimits.Default)]);
        return new() { Results = { [tree.ObjectId] = 0 }, ObjectsToPush = { pending.Ids.Where(id => !objects.ContainsKey(id)) } };
    }

    private (string Root, string[] Ids) pending;

    private async Task<IMessage> PushObjectAsync(Wire.PushObjectRequest request)
    {
        Assert.Equal(request.ObjectId, FleetObject.IdOf(request.ObjectContent.Span));
        Pushed.Enqueue(request.ObjectId);
        bool complete;
        lock (objects)
        {
            complete = objects.TryAdd(request.ObjectId, request.ObjectContent) && pending.Ids.All(objects.ContainsKey);
        }
        if (complete)
        {
            var reply = await new Inflation((id, _) => new(objects[id].Memory), ObjectLimits.Default).ReadAsync(pending.Root, default);
            replies.Writer.TryWrite(reply);
        }
        return new Wire.PushObjectResponse { Stored = true };
    }
}
