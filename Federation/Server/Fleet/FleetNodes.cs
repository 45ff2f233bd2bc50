using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
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

    /// <summary>When it last said that it is there, by the clock's ticks; at first, when it was registered.</summary>
    public long LastBeat { get; set; }

    /// <summary>Where it is counted.</summary>
    public string Address { get; init; } = "";

    public string Peer { get; set; } = "";

    /// <summary>True once it asked for an app bundle that the server does not have: stock nodes leave then.</summary>
    public bool MissesBundle { get; set; }

    /// <summary>The timer of its heartbeats; null while it is offline.</summary>
    public ITimer? Timer { get; set; }

    public FleetConnection? Connection { get; set; }
}

/// <summary>The nodes by public key: who is registered, who is online, and what is theirs to work on.</summary>
internal sealed class FleetNodes(
    ClientRegistry registry, FleetOptions options, KeyList? allowed, ulong run, TimeProvider clock, ILogger log, Func<ulong>? ids = null,
    ReplyLimits? limits = null, ReplyMemory? memory = null)
{
    /// <summary>How often a node that is taken in again is to be heard of, until it says so itself.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10), Longest = TimeSpan.FromSeconds(1800);

    private readonly Lock gate = new();
    private readonly Dictionary<string, FleetNode> byKey = [];
    private readonly Dictionary<ulong, FleetNode> byId = [];
    private readonly Dictionary<string, int> byAddress = new(StringComparer.Ordinal);

    /// <summary>Keys that said goodbye: a heartbeat that was on its way is not to bring them back.</summary>
    private readonly HashSet<string> left = new(StringComparer.Ordinal);
    private readonly FleetReplies replies = new(limits ?? new(), options.MaxReplyBytes, memory ?? new(limits?.MaxBytesAtOnce), new(options.Interface));

    /// <summary>Gives a key its number; the same one to a key that has one.</summary>
    /// <remarks>
    /// The number is made of the key, so that a key has it on every server and after every restart: a node that goes on with it is
    /// taken in again, without registering, where its key may join at all.
    /// </remarks>
    public ulong Register(string key, string peer)
    {
        if (allowed is not null)
        {
            throw FleetRefusal.Of(
                FleetFault.RegistrationClosed, "this server knows its nodes by their keys: start the node with a listed key, which needs no registration");
        }
        lock (gate) return Add(key, peer).Id;
    }

    /// <summary>The node is online from now on, and again when it was before: it has been started anew.</summary>
    public ulong Activate(string key, double interval, string peer)
    {
        var every = Checked(interval);
        lock (gate)
        {
            if (allowed is not null && !allowed.Contains(key)) throw FleetRefusal.Unauthenticated("this key is not among the server's keys");
            var node = allowed is null ? byKey.GetValueOrDefault(key) : Add(key, peer);
            if (node is null) throw FleetRefusal.Of(FleetFault.Inactive, "this key is not registered; call RegisterNode first");
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
        lock (gate)
        {
            Leave(node, Goodbye(node));
            node.LastBeat = clock.GetTimestamp();
        }
    }

    public void Unregister(FleetNode node)
    {
        lock (gate)
        {
            Leave(node, Goodbye(node));
            Forget(node);
            if (left.Count >= options.MaxNodes) left.Clear();
            left.Add(node.Key);
        }
    }

    /// <summary>True when a node of this key may be sending a reply.</summary>
    public bool Expects(string key)
    {
        lock (gate) return byKey.GetValueOrDefault(key)?.Connection?.ExpectsObjects == true;
    }

    /// <summary>The node of a number, which must be the key's. One that an earlier server knew is online again, as if nothing had happened.</summary>
    public FleetNode FindOrAdmit(ulong id, string key, string peer)
    {
        lock (gate)
        {
            if (!byId.ContainsKey(id) && ids is null && id == IdOf(key, 0) && !left.Contains(key) && allowed?.Contains(key) != false)
            {
                var node = Add(key, peer);
                node.Peer = peer;
                Enter(node);
                Beat(node, Again);
            }
            return Find(id, key);
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
                throw FleetRefusal.Of(FleetFault.Inactive, $"node {node.Id} is offline; activate it or send a heartbeat first");
            }
            if (connection.Ended && (isFree || !connection.LeftBusy)) Enter(node);
            // The one it was at when it called: the reply that comes too late belongs there.
            return connection;
        }
    }

    private FleetNode Add(string key, string peer)
    {
        left.Remove(key);
        if (byKey.TryGetValue(key, out var known)) return known;
        var address = AddressOf(peer);
        if (byAddress.GetValueOrDefault(address) >= options.MaxNodesPerAddress) MakeRoom($"{options.MaxNodesPerAddress} nodes of {address}", node => node.Address == address);
        if (byKey.Count >= options.MaxNodes) MakeRoom($"{options.MaxNodes} nodes", _ => true);
        var id = 0UL;
        for (var attempt = 0; id <= ReplyRules.ServerId || byId.ContainsKey(id); attempt++) id = ids?.Invoke() ?? IdOf(key, attempt);
        byAddress[address] = byAddress.GetValueOrDefault(address) + 1;
        return byId[id] = byKey[key] = new(id, key) { Address = address, LastBeat = clock.GetTimestamp() };
    }

    /// <summary>Gives up the offline node that was silent for longest; one that registered a moment ago is about to come online.</summary>
    private void MakeRoom(string full, Func<FleetNode, bool> among)
    {
        var oldest = byKey.Values.Where(node => node.Connection is null && among(node)).MinBy(node => node.LastBeat);
        if (oldest is null || clock.GetElapsedTime(oldest.LastBeat) < options.RegistrationTimeout)
        {
            throw FleetRefusal.Of(FleetFault.Unavailable, $"{full} are registered, which is the most; try again in {options.RegistrationTimeout.TotalSeconds} s");
        }
        Forget(oldest);
    }

    private void Forget(FleetNode node)
    {
        byKey.Remove(node.Key);
        byId.Remove(node.Id);
        if (--byAddress[node.Address] == 0) byAddress.Remove(node.Address);
    }

    /// <summary>The number of a key: eight bytes of its fingerprint, or of a hash of that and further attempts where another has them.</summary>
    private static ulong IdOf(string key, int attempt) => BinaryPrimitives.ReadUInt64BigEndian(
        attempt == 0 ? Convert.FromHexString(key) : SHA256.HashData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{key} {attempt}"))));

    /// <summary>The address in <c>ipv4:address:port</c>.</summary>
    private static string AddressOf(string peer) => peer.IndexOf(':') is >= 0 and var start && peer.LastIndexOf(':') is var end && end > start
        && IPAddress.TryParse(peer.AsSpan(start + 1, end - start - 1).Trim("[]"), out var address) ? PlaceCount.AddressOf(address) : peer;

    private void Enter(FleetNode node)
    {
        var connection = new FleetConnection(ClientInfo.Create($"{node.Peer}, node {node.Id}", node.Key), node.Id, run, replies, clock);
        if (!registry.Join(connection)) throw FleetRefusal.Of(FleetFault.Unavailable, "the run is over");
        node.Connection = connection;
    }

    private static string Goodbye(FleetNode node) => node.MissesBundle
        ? "goodbye; it asked for an app bundle, and the server was given none: FleetOptions.AppBundle names one" : "goodbye";

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
        : throw FleetRefusal.Of(FleetFault.Interval, FormattableString.Invariant(
            $"the heartbeat interval is {seconds} s, it must be from {Shortest.TotalSeconds} to {Longest.TotalSeconds}"));
}
