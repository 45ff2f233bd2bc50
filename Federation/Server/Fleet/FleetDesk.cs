using System.Buffers;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Who calls: a key whose signature was checked, and where from.</summary>
/// <param name="Key">The fingerprint of the public key.</param>
/// <param name="Peer">The address.</param>
internal readonly record struct FleetCaller(string Key, string Peer);

/// <summary>What the Fleet service does, whatever carries its requests: each method is one call of a caller who is known.</summary>
/// <remarks>Requests and answers are the protocol's messages, which every wire carries; a refusal is a <see cref="FleetException"/> with a sentence for the node.</remarks>
internal sealed class FleetDesk(FleetNodes nodes, FleetRun run, TimeProvider clock, bool contentRequired = false) : IDisposable
{
    /// <summary>The pause, in seconds, that replies to a push suggest; nodes do not heed it.</summary>
    private const ulong SuggestedPause = 5;


    /// <summary>Checks what callers signed.</summary>
    public FleetSignatures Signatures { get; } = new(contentRequired, clock);

    /// <summary>A desk for nodes that join the registry, with the keys and the bundle that the options name.</summary>
    /// <exception cref="FormatException">A key or the bundle is none.</exception>
    /// <exception cref="IOException">The bundle cannot be read.</exception>
    public static FleetDesk Open(FleetOptions options, ClientRegistry registry, FederatedServerOptions server, ReplyMemory memory, ILogger log)
    {
        var clock = server.TimeProvider;
        var allowed = options.AllowedKeys is { } keys ? new KeyList(keys) : null;
        var run = new FleetRun(FleetRun.NewId(), options.AppBundle is { } path ? AppBundle.Load(path) : null, clock.GetUtcNow());
        return new(new(registry, options, allowed, run.Id, clock, log, limits: server.ReplyLimits, memory: memory), run, clock, options.RequireSignedContent);
    }

    /// <summary>Checks the signature of a call.</summary>
    public FleetCaller Authenticate(SignedHeaders headers, string peer) => new(Signatures.Check(headers), peer);

    /// <summary>One call by its name, the request as it came over a wire.</summary>
    /// <exception cref="FleetException">The request cannot be read, or is refused.</exception>
    public IMessage Call(string method, FleetCaller caller, ReadOnlySequence<byte> request)
    {
        return method switch
        {
            "RegisterNode" => Register(caller, Read(Wire.RegisterNodeRequest.Parser)),
            "ActivateNode" => Activate(caller, Read(Wire.ActivateNodeRequest.Parser)),
            "DeactivateNode" => Deactivate(caller, Read(Wire.DeactivateNodeRequest.Parser)),
            "UnregisterNode" => Unregister(caller, Read(Wire.UnregisterNodeRequest.Parser)),
            "SendNodeHeartbeat" => Heartbeat(caller, Read(Wire.SendNodeHeartbeatRequest.Parser)),
            "PullMessages" => Pull(caller, Read(Wire.PullMessagesRequest.Parser)),
            "PushMessages" => Push(caller, Read(Wire.PushMessagesRequest.Parser)),
            "GetRun" => GetRun(caller, Read(Wire.GetRunRequest.Parser)),
            "GetFab" => GetFab(caller, Read(Wire.GetFabRequest.Parser)),
            "PushObject" => PushObject(caller, Read(Wire.PushObjectRequest.Parser)),
            "PullObject" => PullObject(caller, Read(Wire.PullObjectRequest.Parser)),
            "ConfirmMessageReceived" => Confirm(caller, Read(Wire.ConfirmMessageReceivedRequest.Parser)),
            _ => throw FleetRefusal.Of(FleetFault.Unknown, $"there is no method {method}"),
        };

        T Read<T>(MessageParser<T> parser) where T : IMessage<T>
        {
            try
            {
                return parser.ParseFrom(request);
            }
            catch (InvalidProtocolBufferException exception)
            {
                throw FleetRefusal.Invalid($"the request to {method} cannot be read: {exception.Message}");
            }
        }
    }

    /// <summary>True when an object of this caller's may be waited for.</summary>
    public bool Expects(FleetCaller caller) => nodes.Expects(caller.Key);

    public void Dispose() => Signatures.Dispose();

    public Wire.RegisterNodeResponse Register(FleetCaller caller, Wire.RegisterNodeRequest request) =>
        new() { NodeId = nodes.Register(Same(caller, request.PublicKey.Span), caller.Peer) };

    public Wire.ActivateNodeResponse Activate(FleetCaller caller, Wire.ActivateNodeRequest request) =>
        new() { NodeId = nodes.Activate(Same(caller, request.PublicKey.Span), request.HeartbeatInterval, caller.Peer) };

    public Wire.DeactivateNodeResponse Deactivate(FleetCaller caller, Wire.DeactivateNodeRequest request)
    {
        nodes.Deactivate(nodes.Find(request.NodeId, caller.Key));
        return new();
    }

    public Wire.UnregisterNodeResponse Unregister(FleetCaller caller, Wire.UnregisterNodeRequest request)
    {
        nodes.Unregister(nodes.Find(request.NodeId, caller.Key));
        return new();
    }

    public Wire.SendNodeHeartbeatResponse Heartbeat(FleetCaller caller, Wire.SendNodeHeartbeatRequest request)
    {
        nodes.Heartbeat(Node(caller, request.Node), request.HeartbeatInterval);
        return new() { Success = true };
    }

    public Wire.PullMessagesResponse Pull(FleetCaller caller, Wire.PullMessagesRequest request)
    {
        var message = nodes.Connection(Node(caller, request.Node), isFree: false).Pull();
        return message is null ? new() : new() { MessagesList = { message.Message }, MessageObjectTrees = { message.Tree } };
    }

    public Wire.PushMessagesResponse Push(FleetCaller caller, Wire.PushMessagesRequest request)
    {
        var connection = nodes.Connection(Node(caller, request.Node), isFree: true);
        if (request is not { MessagesList: [{ Metadata: not null } message], MessageObjectTrees: [var tree] })
        {
            throw FleetRefusal.Invalid(
                $"{request.MessagesList.Count} messages with {request.MessageObjectTrees.Count} trees were pushed, expected one of each, with metadata");
        }
        var missing = Checked(() => connection.Push(message, tree)) ?? throw FleetRefusal.Denied(
            $"nobody waits for a reply to message {FleetObject.Shown(message.Metadata.ReplyToMessageId)}; it came too late, or is for another node");
        return new()
        {
            Reconnect = new() { Reconnect_ = SuggestedPause },
            Results = { [message.Metadata.MessageId] = 0 },
            ObjectsToPush = { missing },
        };
    }

    public Wire.GetRunResponse GetRun(FleetCaller caller, Wire.GetRunRequest request)
    {
        Node(caller, request.Node);
        CheckRun(request.RunId, FleetFault.RunDenied);
        return new() { Run = run.Describe() };
    }

    public Wire.GetFabResponse GetFab(FleetCaller caller, Wire.GetFabRequest request)
    {
        var node = Node(caller, request.Node);
        CheckRun(request.RunId);
        node.MissesBundle = run.Bundle is null;
        if (run.Bundle is not { } bundle) throw FleetRefusal.Of(FleetFault.BundleDenied, "this server was given no app bundle; start it with one, or join with a node that needs none");
        return request.HashStr == bundle.Hash ? new() { Fab = new() { HashStr = bundle.Hash, Content = bundle.Content } }
            : throw FleetRefusal.Of(FleetFault.BundleDenied, $"the app bundle is {FleetObject.Shown(bundle.Hash)}, not {FleetObject.Shown(request.HashStr)}");
    }

    public Wire.PushObjectResponse PushObject(FleetCaller caller, Wire.PushObjectRequest request)
    {
        var connection = nodes.Connection(Node(caller, request.Node), isFree: false);
        CheckRun(request.RunId);
        return new() { Stored = Checked(() => connection.Put(request.ObjectId, request.ObjectContent)) };
    }

    public Wire.PullObjectResponse PullObject(FleetCaller caller, Wire.PullObjectRequest request)
    {
        var connection = nodes.Connection(Node(caller, request.Node), isFree: false);
        CheckRun(request.RunId);
        return connection.Read(request.ObjectId) is { } content
            ? new() { ObjectFound = true, ObjectAvailable = true, ObjectContent = content } : new();
    }

    public Wire.ConfirmMessageReceivedResponse Confirm(FleetCaller caller, Wire.ConfirmMessageReceivedRequest request)
    {
        var connection = nodes.Connection(Node(caller, request.Node), isFree: false);
        CheckRun(request.RunId);
        connection.Confirm(request.MessageObjectId);
        return new();
    }

    private FleetNode Node(FleetCaller caller, Wire.Node? node) => nodes.FindOrAdmit(node?.NodeId ?? 0, caller.Key, caller.Peer);

    private void CheckRun(ulong id, FleetFault fault = FleetFault.Denied)
    {
        if (id != run.Id) throw FleetRefusal.Of(fault, $"run {id} is not running here; the run is {run.Id}");
    }

    private static T Checked<T>(Func<T> act)
    {
        try
        {
            return act();
        }
        catch (FormatException exception)
        {
            throw new FleetException(FleetFault.Invalid, exception.Message);
        }
    }

    /// <summary>The caller's key, when the request names the same.</summary>
    private static string Same(FleetCaller caller, ReadOnlySpan<byte> key)
    {
        string named;
        try
        {
            named = KeyList.Fingerprint(key);
        }
        catch (FormatException exception)
        {
            throw new FleetException(FleetFault.Invalid, exception.Message);
        }
        return named == caller.Key ? named : throw FleetRefusal.Unauthenticated("the request names another key than the one that signed it");
    }
}
