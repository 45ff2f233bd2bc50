using System.Net;

namespace ManagedFed.Federation;

/// <summary>A server's address as people write it: <c>127.0.0.1:8080</c>, <c>[::]:8080</c>, <c>name:8080</c>, with or without a scheme.</summary>
internal static class ServerAddress
{
    /// <summary>The address to connect to; https when the scheme says so or <paramref name="encrypted"/> is set.</summary>
    /// <exception cref="ArgumentException">The text is no address with a port.</exception>
    public static Uri ToUri(string address, bool encrypted)
    {
        ArgumentNullException.ThrowIfNull(address);
        var text = address.Contains("://", StringComparison.Ordinal) ? address : $"{(encrypted ? "https" : "http")}://{address}";
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && uri.Host.Length > 0 && uri.PathAndQuery == "/" && HasPort(text, uri))
        {
            return uri;
        }
        throw new ArgumentException(
            $"[address] '{address}' is not an address to connect to; write host:port, for example 127.0.0.1:8080", nameof(address));
    }

    /// <summary>The endpoint to listen on: an IP address or <c>localhost</c>, and a port, 0 for a free one.</summary>
    /// <exception cref="ArgumentException">The text is no such endpoint.</exception>
    public static IPEndPoint ToEndpoint(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        const string local = "localhost:";
        var text = address.StartsWith(local, StringComparison.OrdinalIgnoreCase) ? $"127.0.0.1:{address[local.Length..]}" : address;
        var colon = text.LastIndexOf(':');
        if (colon > 0 && text[colon - 1] is ']' or >= '0' and <= '9' && IPEndPoint.TryParse(text, out var endpoint)) return endpoint;
        throw new ArgumentException(
            $"[address] '{address}' is not an address to listen on; write ip:port, for example 127.0.0.1:8080 or [::]:8080", nameof(address));
    }

    // Uri drops a port that is its scheme's default, so the text has to be looked at.
    private static bool HasPort(string text, Uri uri) => !uri.IsDefaultPort || text.TrimEnd('/').EndsWith($":{uri.Port}", StringComparison.Ordinal);
}
