using System.Net;
using System.Net.Sockets;

namespace ManagedFed;

/// <summary>Ports for tests that must know a server's address before it listens, or listen on it twice.</summary>
internal static class LoopbackPort
{
    // Below what systems hand out to connections on their way out, so that no other test's connection takes it meanwhile.
    private const int First = 20_000, Count = 10_000;

    private static int next = (Environment.ProcessId * 97) % Count;

    /// <summary>A port of 127.0.0.1 that nobody listens on, and that this process gives once.</summary>
    public static int Free()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = First + ((Interlocked.Increment(ref next) & int.MaxValue) % Count);
            using var probe = new TcpListener(IPAddress.Loopback, port);
            try
            {
                probe.Start();
                return port;
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                // Somebody else's; the next one.
            }
        }
        throw new InvalidOperationException($"no port of {First} to {First + Count - 1} is free");
    }

    /// <summary>The same as an address.</summary>
    public static string Address() => $"127.0.0.1:{Free()}";
}
