using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace ManagedFed.Federation;

/// <summary>Where a caller is, in the form that gRPC gives it.</summary>
internal static class FleetPeer
{
    public static string Of(ConnectionInfo connection) => connection.RemoteIpAddress is { } address
        ? $"{(address.AddressFamily == AddressFamily.InterNetworkV6 ? $"ipv6:[{address}]" : $"ipv4:{address}")}:{connection.RemotePort}"
        : "unknown";
}
