using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A node as the server knows it, from its registration on.</summary>
/// <param name="id">Its number.</param>
/// <param name="key">The fingerprint of its public key.</param>
internal sealed class FleetNode(ulong id, string key)
{
    public ulong Id => id;

    public string Key => key;

    public TimeSpan Interval { get; set; }

    /// <summary>When it last said that it is there, by the clock's ticks.</summary>
    public long LastBeat { get; set; }

    public string Peer { get; set; } = "";

    /// <summary>The timer of its heartbeats; null while it is offline.</summary>
    public ITimer? Timer { get; set; }

    public FleetConnection? Connection { get; set; }
}

/// <summary>The nodes by public key: who is registered, who is online, and what is theirs to work on.</summary>
internal sealed class FleetNodes(
    ClientRegistry registry, FleetOptions options, KeyList? allowed, ulong run, TimeProvider clock, ILogger log, Func<ulong>? ids = null,
    ReplyLimits? limits = null, ReplyMemory? memory = null)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10), Longest = TimeSpan.FromSeconds(1800);

    private readonly Lock gate = new();
    private readonly Dictionary<string, FleetNode> byKey = [];
    private readonly Dictionary<ulong, FleetNode> byId = [];
    private readonly Func<ulong> newId = ids ?? FleetRun.NewId;
    private readonly FleetReplies replies = new(limits ?? new(), options.MaxReplyBytes, memory ?? new(limits?.MaxBytesAtOnce));

    /// <summary>Gives a key its number; the same one to a key that has one.</summary>
    public ulong Register(string key)
    {
        if (allowed is not null)
        {
            throw FleetRefusal.Of(
                StatusCode.FailedPrecondition, "this server knows its nodes by their keys: start the node with a listed key, which needs no registration");
        }
        lock (gate) return Add(key).Id;
    }

    /// <summary>The node is online from now on, and again when it was before: it has been started anew.</summary>
    public ulong Activate(string key, double interval, string peer)
    {
        var every = Checked(interval);
        lock (gate)
        {
            if (allowed is not null && !allowed.Contains(key)) throw FleetRefusal.Unauthenticated("this key is not among the server's keys");
            var node = allowed is null ? byKey.GetValueOrDefault(key) : Add(key);
            if (node is null) throw FleetRefusal.Of(StatusCode.FailedPrecondition, "this key is not registered; call RegisterNode first");
            node.Peer = peer;
            Leave(node, "started anew");
            Enter(node);
            Beat(node, every);
            return node.Id;
        }
    }

    /// <summary>The node is there; it is taken back when it was silent for too long.</summary>
    public void Heartbeat(FleetNode node, double interval)
    {
        var every = Checked(interval);
        lock (gate)
        {
            if (node.Connection is null) Enter(node);
            Beat(node, every);
        }
    }

    public void Deactivate(FleetNode node)
    {
        lock (gate) Leave(node, "goodbye");
    }

    public void Unregister(FleetNode node)
    {
        lock (gate)
        {
            Leave(node, "goodbye");
            byKey.Remove(node.Key);
            byId.Remove(node.Id);
        }
    }

    /// <summary>The node of a number, which must be the key's.</summary>
    public FleetNode Find(ulong id, string key)
    {
        lock (gate)
        {
            return byId.GetValueOrDefault(id) is { } node && node.Key == key ? node
                : throw FleetRefusal.Unauthenticated($"node {id} is not this key's; register and activate first");
        }
    }

    /// <summary>Where the node is asked. One that lost its place by taking too long has a new one as soon as it is free.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isFree">True when what the node does now shows that it is done with what it was asked last.</param>
    public FleetConnection Connection(FleetNode node, bool isFree)
    {
        lock (gate)
        {
            if (node.Connection is not { } connection)
            {
                throw FleetRefusal.Of(StatusCode.FailedPrecondition, $"node {node.Id} is offline; activate it or send a heartbeat first");
            }
            if (connection.Ended && (isFree || !connection.LeftBusy)) Enter(node);
            // The one it was at when it called: the reply that comes too late belongs there.
            return connection;
        }
    }

    private FleetNode Add(string key)
    {
        if (byKey.TryGetValue(key, out var known)) return known;
        if (byKey.Count >= options.MaxNodes)
        {
            throw FleetRefusal.Of(StatusCode.ResourceExhausted, $"{byKey.Count} nodes are registered, at most {options.MaxNodes} are allowed");
        }
        var id = 0UL;
        while (id <= ReplyRules.ServerId || byId.ContainsKey(id)) id = newId();
        return byId[id] = byKey[key] = new(id, key);
    }

    private void Enter(FleetNode node)
    {
        var connection = new FleetConnection(ClientInfo.Create($"{node.Peer}, node {node.Id}", node.Key), node.Id, run, replies, clock);
        if (!registry.Join(connection)) throw FleetRefusal.Of(StatusCode.Unavailable, "the run is over");
        node.Connection = connection;
    }

    private void Leave(FleetNode node, string how)
    {
        node.Timer?.Dispose();
        node.Timer = null;
        if (node.Connection is not { } connection) return;
        node.Connection = null;
        connection.End();
        registry.Leave(connection, how);
    }

    private void Beat(FleetNode node, TimeSpan every)
    {
        (node.Interval, node.LastBeat) = (every, clock.GetTimestamp());
        node.Timer ??= clock.CreateTimer(_ => Expire(node), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        node.Timer.Change(2 * every, Timeout.InfiniteTimeSpan);
    }

    private void Expire(FleetNode node)
    {
        lock (gate)
        {
            // A heartbeat may have come while this waited for the lock.
            if (node.Timer is null || clock.GetElapsedTime(node.LastBeat) < 2 * node.Interval) return;
            log.NodeSilent(node.Id, 2 * node.Interval.TotalSeconds);
            Leave(node, "silent for too long");
        }
    }

    private static TimeSpan Checked(double seconds) => seconds >= Shortest.TotalSeconds && seconds <= Longest.TotalSeconds
        ? TimeSpan.FromSeconds(seconds)
        : throw FleetRefusal.Invalid(FormattableString.Invariant(
            $"the heartbeat interval is {seconds} s, it must be from {Shortest.TotalSeconds} to {Longest.TotalSeconds}"));
}
