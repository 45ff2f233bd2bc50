using System.Buffers;

namespace ManagedFed.Federation;

/// <summary>Stands before Fleet's calls, whatever carries them: who calls is decided before anything of a request is read.</summary>
internal sealed class FleetGate(FleetDesk desk)
{
    /// <summary>Calls of one node at once; nodes push up to eight objects side by side.</summary>
    private const int MaxCallsPerNode = 32;

    private readonly PlaceCount calls = new(int.MaxValue, MaxCallsPerNode);

    public FleetDesk Desk => desk;

    /// <summary>Lets a call in; to be disposed when it is over.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="headers">What the caller signed; null when it did not.</param>
    /// <param name="names">What the headers are called on this wire.</param>
    /// <param name="peer">Where the caller is.</param>
    /// <exception cref="FleetException">The call is refused.</exception>
    public Visit Enter(string method, SignedHeaders? headers, SignedHeaderNames names, string peer)
    {
        if (headers is null) throw FleetRefusal.Unauthenticated($"the call is not signed: nodes of Flower 1.23 and later send {names}, once each; update flwr");
        desk.Signatures.CheckContentIsSigned(headers);
        var caller = desk.Authenticate(headers, peer);
        if (method == "PushObject" && !desk.Expects(caller)) throw FleetRefusal.Denied("nobody waits for an object of this node");
        if (calls.Enter(caller.Key, out _) is not null) throw FleetRefusal.Of(FleetFault.Unavailable, $"more than {MaxCallsPerNode} calls of this node are open");
        return new(this, caller, headers);
    }

    /// <summary>One call that is under way.</summary>
    internal sealed class Visit(FleetGate gate, FleetCaller caller, SignedHeaders headers) : IDisposable
    {
        public FleetCaller Caller => caller;

        /// <summary>True when the caller signed what the call says.</summary>
        public bool IsContentSigned => headers.Content is not null;

        /// <summary>Checks that the request is what the caller signed.</summary>
        /// <exception cref="FleetException">It is not, or came before.</exception>
        public void CheckContent(string path, ReadOnlySequence<byte> body) => gate.Desk.Signatures.CheckContent(headers, path, body);

        public void Dispose() => gate.calls.Leave(caller.Key);
    }
}
