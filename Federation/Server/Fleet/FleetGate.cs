using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace ManagedFed.Federation;

/// <summary>Stands before Fleet's calls: who calls, and how much may come, is decided before anything of a request is read.</summary>
internal sealed class FleetGate(FleetDesk desk, PeerLimits limits, TimeProvider time)
{
    /// <summary>The most bytes of a request with an object (a piece of 5 MiB, or a record) or a tree of ids, and of any other.</summary>
    public const int MaxObjectBytes = 8 << 20, MaxOtherBytes = 256 << 10;

    private const string Service = "/flwr.proto.Fleet/";

    /// <summary>gRPC's bytes before a message: whether it is compressed, and its length.</summary>
    private const int Prefix = 5;

    /// <summary>Calls of one node at once; nodes push up to eight objects side by side.</summary>
    private const int MaxCallsPerNode = 32;

    private static readonly object CallerKey = new();

    private readonly PlaceCount calls = new(int.MaxValue, MaxCallsPerNode);

    /// <summary>Who calls, as the gate found.</summary>
    public static FleetCaller CallerOf(HttpContext context) => (FleetCaller)context.Items[CallerKey]!;

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith(Service, StringComparison.Ordinal) || !FleetVersion.Knows(path[Service.Length..]))
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        var method = path[Service.Length..];
        string? entered = null;
        using var timer = new CancellationTokenSource(limits.MaxCallTime, time);
        using var abort = timer.Token.Register(context.Abort);
        try
        {
            var caller = desk.Authenticate(Headers(context.Request.Headers), PeerOf(context.Connection));
            context.Items[CallerKey] = caller;
            if (method == "PushObject" && !desk.Expects(caller)) throw FleetRefusal.Denied("nobody waits for an object of this node");
            if (calls.Enter(caller.Key, out _) is not null) throw FleetRefusal.Of(StatusCode.Unavailable, $"more than {MaxCallsPerNode} calls of this node are open");
            entered = caller.Key;
            await CheckBodyAsync(context, method is "PushObject" or "PushMessages" ? MaxObjectBytes : MaxOtherBytes, timer.Token).ConfigureAwait(false);
            await next(context).ConfigureAwait(false);
        }
        catch (RpcException refusal) when (!context.Response.HasStarted)
        {
            Answer(context, refusal.Status);
        }
        catch (OperationCanceledException)
        {
            // The caller took too long, or has left.
            context.Abort();
        }
        catch (IOException)
        {
            context.Abort();
        }
        finally
        {
            if (entered is not null) calls.Leave(entered);
        }
    }

    /// <summary>Looks at the bytes before the message and leaves them where they are.</summary>
    private static async Task CheckBodyAsync(HttpContext context, int most, CancellationToken cancellation)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = most + Prefix;
        var body = context.Request.BodyReader;
        var result = await body.ReadAtLeastAsync(Prefix, cancellation).ConfigureAwait(false);
        var (compressed, length) = Read(result.Buffer);
        body.AdvanceTo(result.Buffer.Start);
        if (compressed) throw FleetRefusal.Of(StatusCode.Unimplemented, "compressed messages are not understood");
        if (length > most) throw FleetRefusal.Of(StatusCode.ResourceExhausted, $"the request has {length} bytes, at most {most} are taken");

        static (bool Compressed, uint Length) Read(in ReadOnlySequence<byte> buffer)
        {
            if (buffer.Length < Prefix) return default;
            Span<byte> bytes = stackalloc byte[Prefix];
            buffer.Slice(0, Prefix).CopyTo(bytes);
            return (bytes[0] != 0, BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]));
        }
    }

    /// <summary>A response without a body, as gRPC allows for errors.</summary>
    public static void Answer(HttpContext context, Status status)
    {
        var response = context.Response;
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = $"{(int)status.StatusCode}";
        response.Headers["grpc-message"] = Uri.EscapeDataString(status.Detail);
        if (FleetVersion.Warning(context.Request.Headers[FleetVersion.Header].FirstOrDefault()) is { } warning) response.Headers[FleetVersion.WarningHeader] = warning;
    }

    private static SignedHeaders? Headers(IHeaderDictionary headers) =>
        Bytes(headers[SignedHeaders.PublicKeyName]) is { } key && headers[SignedHeaders.TimestampName] is [{ } timestamp]
            && Bytes(headers[SignedHeaders.SignatureName]) is { } signature ? new(key, timestamp, signature) : null;

    /// <summary>The bytes of a binary header, which is base64 with or without its padding.</summary>
    private static byte[]? Bytes(StringValues header)
    {
        if (header is not [{ } text]) return null;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var count) ? bytes[..count] : null;
    }

    private static string PeerOf(ConnectionInfo connection) => connection.RemoteIpAddress is { } address
        ? $"{(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"ipv6:[{address}]" : $"ipv4:{address}")}:{connection.RemotePort}"
        : "unknown";
}
