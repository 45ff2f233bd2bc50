using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fleet's calls over HTTP, as Flower 1.40 and later speaks it: it needs <see cref="HttpClient"/> alone.</summary>
internal sealed class HttpFleetTransport : IFleetTransport
{
    /// <summary>The most bytes of an error's body that are looked at.</summary>
    private const int MaxErrorBytes = 64 << 10;

    /// <summary>What a response's buffer begins with at most: the rest is made as the bytes come.</summary>
    private const int FirstBytes = 8 << 20;

    private const string Protobuf = "application/protobuf";

    private readonly HttpClient client;
    private readonly Uri folder;
    private readonly FlowerVersion? version;
    private readonly int maxBytes;
    private readonly ILogger log;
    private string? warned;

    /// <param name="uri">Where the server is; https encrypts.</param>
    /// <param name="client">What carries the requests; disposed with this.</param>
    /// <param name="version">The version of Flower to give as the node's; null says none.</param>
    /// <param name="maxBytes">The most bytes of an answer.</param>
    /// <param name="log">Where the server's warnings go.</param>
    public HttpFleetTransport(Uri uri, HttpClient client, FlowerVersion? version, long maxBytes, ILogger log)
    {
        (this.client, this.version, this.log) = (client, version, log);
        folder = new(uri, FleetMethods.Folder);
        this.maxBytes = (int)Math.Min(maxBytes, Array.MaxLength - 1);
        // Calls have limits of their own.
        client.Timeout = Timeout.InfiniteTimeSpan;
    }

    public (int Pushes, int Pulls) AtOnce => (2, 2);

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(folder, FleetMethods.Path(method)))
        {
            Content = new ByteArrayContent(request),
            // Without TLS there is no way to ask which version a server speaks, and all speak this one.
            Version = folder.Scheme == Uri.UriSchemeHttps ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        message.Content.Headers.ContentType = new(Protobuf);
        message.Headers.Accept.Add(new(Protobuf));
        message.Headers.Add(SignedHeaders.Http.PublicKey, Convert.ToBase64String(headers.PublicKey.Span));
        message.Headers.Add(SignedHeaders.Http.Timestamp, headers.Timestamp);
        message.Headers.Add(SignedHeaders.Http.Signature, Convert.ToBase64String(headers.Signature.Span));
        version?.AddTo(message.Headers);
        if (headers.ContentSigner is { } signer)
        {
            var (nonce, signature) = await signer.SignAsync(FleetMethods.Folder + FleetMethods.Path(method), request, headers.Timestamp, cancellation).ConfigureAwait(false);
            message.Headers.Add(SignedContent.NonceName, nonce);
            message.Headers.Add(SignedContent.SignatureName, signature);
        }
        try
        {
            using var response = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            Warn(response);
            var body = response.Content;
            if (response.StatusCode != HttpStatusCode.OK) throw await RefusalAsync(response, cancellation).ConfigureAwait(false);
            if (body.Headers.ContentType?.MediaType != Protobuf)
            {
                throw new FleetException(FleetFault.Unknown, $"the answer is of type '{body.Headers.ContentType?.MediaType}', expected {Protobuf}", "HTTP 200");
            }
            return await ReadAsync(body, maxBytes, cancellation).ConfigureAwait(false)
                ?? throw new FleetException(FleetFault.Failed, $"the answer to {method} has more than {maxBytes} bytes, the most that are taken");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw new FleetException(IsOfAnotherWire(exception) ? FleetFault.Unknown : FleetFault.Unavailable, exception.Message, "Unavailable", exception);
        }
    }

    public void Dispose() => client.Dispose();

    /// <summary>True when somebody answered, and not in HTTP.</summary>
    private static bool IsOfAnotherWire(Exception exception) => exception is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse };

    /// <summary>The server's word on versions that do not fit, once.</summary>
    private void Warn(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("flwr-version-incompatibility-message", out var values)) return;
        var warning = string.Join(' ', values);
        if (Interlocked.Exchange(ref warned, warning) != warning) log.VersionsDiffer(PeerText.Harmless(warning));
    }

    private static async Task<FleetException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var body = await ReadAsync(response.Content, MaxErrorBytes, cancellation).ConfigureAwait(false);
        var (said, number) = Said(body);
        var status = (int)response.StatusCode;
        var fault = status switch
        {
            400 when number == 2003 => FleetFault.Interval,
            // A server of another wire says this, too, in words of its own.
            400 when said is null => FleetFault.Unknown,
            400 => FleetFault.Invalid,
            401 => FleetFault.Unauthenticated,
            403 => FleetFault.Denied,
            404 or 405 or 415 => FleetFault.Unknown,
            408 or 429 or 503 or 504 => FleetFault.Unavailable,
            412 => number is 2001 or 2002 ? FleetFault.RegistrationClosed : FleetFault.Inactive,
            413 => FleetFault.TooLarge,
            _ => FleetFault.Failed,
        };
        // 1001 is of versions that do not fit, whatever the status.
        if (number == 1001) fault = FleetFault.Unsupported;
        return new(fault, said ?? response.ReasonPhrase ?? "no reason given", string.Create(CultureInfo.InvariantCulture, $"HTTP {status}"));
    }

    /// <summary>What an error's body says, and Flower's number for it; nothing where it is no such body.</summary>
    private static (string? Said, int Number) Said(byte[]? body)
    {
        if (body is null) return default;
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object) return default;
            var number = json.RootElement.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.Number && code.TryGetInt32(out var value) ? value : 0;
            var parts = new[] { Text("public_message") ?? Text("detail"), Text("public_details") };
            return (parts[0] is null ? null : string.Join("; ", parts.Where(part => !string.IsNullOrEmpty(part))), number);

            string? Text(string name) => json.RootElement.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return default;
        }
    }

    /// <summary>A body's bytes; null when there are more than so many.</summary>
    private static async Task<byte[]?> ReadAsync(HttpContent content, int most, CancellationToken cancellation)
    {
        var announced = content.Headers.ContentLength;
        if (announced > most) return null;
        var stream = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using var closing = stream.ConfigureAwait(false);
        var buffer = new byte[(int)Math.Min(announced ?? 256, FirstBytes)];
        var count = 0;
        while (true)
        {
            if (count == buffer.Length)
            {
                if (count == announced) return buffer;
                // One byte more than allowed tells that there is more.
                var longer = (int)Math.Min(Math.Max(2L * count, 256), most + 1L);
                if (longer == count) return null;
                Array.Resize(ref buffer, (int)Math.Min(longer, announced ?? longer));
            }
            var read = await stream.ReadAsync(buffer.AsMemory(count), cancellation).ConfigureAwait(false);
            if (read == 0) return count == buffer.Length ? buffer : buffer[..count];
            count += read;
            if (count > most) return null;
        }
    }
}

/// <summary>A version of Flower that a node gives as its own, by the headers that Flower's nodes send.</summary>
internal sealed record FlowerVersion(string Version)
{
    public void AddTo(HttpRequestHeaders headers)
    {
        headers.Add("flwr-package-name", "flwr");
        headers.Add("flwr-package-version", Version);
        headers.Add("flwr-component-name", "SuperNode");
    }
}
