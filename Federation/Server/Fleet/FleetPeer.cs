using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace ManagedFed.Federation;

/// <summary>What a call says of its caller, on either wire; addresses have the form that gRPC gives them.</summary>
internal static class FleetPeer
{
    /// <summary>The proof of what a call says, from its two headers; null where there is none.</summary>
    public static SignedContent? ContentOf(IHeaderDictionary headers) => headers[SignedContent.NonceName] is [{ } nonce]
        && headers[SignedContent.SignatureName] is [{ } signature] && BytesOf(signature) is { } bytes ? new(nonce, bytes) : null;

    /// <summary>The bytes of a header that is base64 and nothing else: no space, no other alphabet, no stray bits.</summary>
    public static byte[]? BytesOf(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var count) && Convert.ToBase64String(bytes.AsSpan(0, count)) == text ? bytes[..count] : null;
    }

    /// <summary>Where a caller is.</summary>
    public static string Of(ConnectionInfo connection) => connection.RemoteIpAddress is { } address
        ? $"{(address.AddressFamily == AddressFamily.InterNetworkV6 ? $"ipv6:[{address}]" : $"ipv4:{address}")}:{connection.RemotePort}"
        : "unknown";
}
