using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ManagedFed.Federation;

/// <summary>A server's address as people write it: <c>127.0.0.1:8080</c>, <c>[::]:8080</c>, <c>name:8080</c>, with or without a scheme.</summary>
internal static class ServerAddress
{
    private const string Example = "write host:port, for example 127.0.0.1:8080 or [::1]:8080";

    /// <summary>The address to connect to; https when the scheme says so or <paramref name="encrypted"/> is set.</summary>
    /// <remarks>
    /// An address that means every one of a listening machine (<c>[::]</c>, <c>0.0.0.0</c>, <c>*</c>, or none before the port) leads to this machine.
    /// </remarks>
    /// <exception cref="ArgumentException">The text is no address with a port.</exception>
    public static Uri ToUri(string address, bool encrypted)
    {
        ArgumentNullException.ThrowIfNull(address);
        var rest = address.Trim();
        var scheme = encrypted ? "https" : "http";
        if (rest.IndexOf("://", StringComparison.Ordinal) is >= 0 and var end)
        {
            scheme = rest[..end].ToLowerInvariant();
            if (scheme is not ("http" or "https")) throw Wrong(address, $"its scheme is '{scheme}', expected http or https", Example);
            rest = rest[(end + 3)..];
            if (rest.EndsWith('/')) rest = rest[..^1];
        }
        var (host, port) = Split(address, rest, 1, Example);
        host = host switch
        {
            "0.0.0.0" => "127.0.0.1",
            "" or "*" or "+" or "::" => "localhost",
            _ when host.Contains(':', StringComparison.Ordinal) => $"[{host}]",
            _ => host,
        };
        return Uri.CheckHostName(host) != UriHostNameType.Unknown && Uri.TryCreate(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{port}"), UriKind.Absolute, out var uri)
            ? uri : throw Wrong(address, $"its host is '{host}'", Example);
    }

    /// <summary>The endpoint to listen on: an IP address, <c>localhost</c>, or <c>*</c> or nothing for all, and a port, 0 for a free one.</summary>
    /// <exception cref="ArgumentException">The text is no such endpoint.</exception>
    public static IPEndPoint ToEndpoint(string address)
    {
        const string example = "write ip:port, for example 127.0.0.1:8080 or [::]:8080";
        ArgumentNullException.ThrowIfNull(address);
        var rest = address.Trim();
        if (rest.Contains("://", StringComparison.Ordinal)) throw Wrong(address, "a scheme has no place where a server listens; a certificate in the options encrypts", example);
        var (host, port) = Split(address, rest, 0, example);
        if (host is "" or "*" or "+") return new(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port);
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase)) return new(IPAddress.Loopback, port);
        // IPAddress also reads 1 and 1.2 as addresses, which nobody means.
        return IPAddress.TryParse(host, out var ip) && (ip.AddressFamily == AddressFamily.InterNetworkV6 || host.Count(c => c == '.') == 3)
            ? new(ip, port) : throw Wrong(address, $"its host '{host}' is no IP address", example);
    }

    private static (string Host, int Port) Split(string address, string text, int least, string example)
    {
        if (text.Any(char.IsWhiteSpace)) throw Wrong(address, "it has a space in it", example);
        string host, port;
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0) throw Wrong(address, "its bracket is not closed", example);
            (host, port) = (text[1..end], text[(end + 1)..]);
            if (!IPAddress.TryParse(host, out var ip) || ip.AddressFamily != AddressFamily.InterNetworkV6) throw Wrong(address, $"'{host}' in brackets is no IPv6 address", example);
            if (port.Length > 0 && port[0] != ':') throw Wrong(address, $"'{port}' follows its bracket, expected a colon and a port", example);
            port = port.Length > 0 ? port[1..] : "";
        }
        else
        {
            var colon = text.LastIndexOf(':');
            (host, port) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
            // ":::8080" is what is left of "[::]:8080"; of another address nobody knows where it ends.
            if (host.Contains(':', StringComparison.Ordinal) && host != "::") throw Wrong(address, "an IPv6 address belongs in brackets", example);
        }
        if (port.Length == 0) throw Wrong(address, "it has no port", example);
        return int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= IPEndPoint.MaxPort
            ? (host, number) : throw Wrong(address, $"its port is '{port}', expected {least} to {IPEndPoint.MaxPort}", example);
    }

    private static ArgumentException Wrong(string address, string what, string example) =>
        new($"[address] '{PeerText.Harmless(address)}' is no address: {what}; {example}", nameof(address));
}
