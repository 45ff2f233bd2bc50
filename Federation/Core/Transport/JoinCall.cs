using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>
/// The client's end of one call of Flower's stream: gRPC over HTTP/2 by hand, because a gRPC library would hand over each message whole.
/// </summary>
/// <remarks>Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md</remarks>
internal sealed class JoinCall : IDisposable
{
    /// <summary>Bytes that wait to be read into arrays, or to be sent, at once.</summary>
    private const int Buffer = 128 << 10;

    private readonly HttpResponseMessage response;
    private readonly Outgoing outgoing;
    private readonly CancellationTokenSource end;
    private readonly CancellationTokenRegistration cancelled;
    private readonly FramePipe<Instruction, Reply> frames;
    private string? stalled;

    private JoinCall(HttpResponseMessage response, Stream source, Outgoing outgoing, CancellationTokenSource end, CancellationTokenRegistration cancelled, TimeProvider time)
    {
        (this.response, this.outgoing, this.end, this.cancelled) = (response, outgoing, end, cancelled);
        var pace = new Pace(time, StallTime, StallTime.TotalSeconds * MinBytesPerSecond, why =>
        {
            Volatile.Write(ref stalled, why);
            end.Cancel();
        });
        frames = new(
            StreamMessages.Instructions, StreamMessages.Replies, PipeReader.Create(source, new(bufferSize: Buffer, minimumReadSize: Buffer / 4)),
            PipeWriter.Create(outgoing, new(minimumBufferSize: Buffer)), pace);
    }

    /// <summary>How long a message that has begun may stand still.</summary>
    public static TimeSpan StallTime { get; } = TimeSpan.FromSeconds(30);

    /// <summary>What stands still.</summary>
    public const int MinBytesPerSecond = 4096;

    /// <summary>Calls; returns when the server has answered with headers, which a stock one sends with its first instruction.</summary>
    /// <param name="http">The way to the server.</param>
    /// <param name="server">Where it is.</param>
    /// <param name="name">The name that the client gives itself; null for none.</param>
    /// <param name="time">The clock by which messages stand still.</param>
    /// <param name="cancellation">Ends the call, also later.</param>
    /// <exception cref="RpcException">The server cannot be reached, or refuses the call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static async Task<JoinCall> OpenAsync(HttpMessageInvoker http, Uri server, string? name, TimeProvider time, CancellationToken cancellation)
    {
        // Not disposed: whoever cancels it may come late, and without a timer it holds nothing.
        var end = new CancellationTokenSource();
        var cancelled = cancellation.UnsafeRegister(static end => ((CancellationTokenSource)end!).Cancel(), end);
        var outgoing = new Outgoing(end.Token);
        HttpResponseMessage? response = null;
        try
        {
            using var request = Request(server, name, outgoing);
            response = await http.SendAsync(request, end.Token).ConfigureAwait(false);
            if (GrpcStatus.OfHeaders(response) is { } status) throw new RpcException(status);
            var source = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            return new(response, source, outgoing, end, cancelled, time);
        }
        catch (Exception exception)
        {
            await cancelled.DisposeAsync().ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            response?.Dispose();
            if (exception is OperationCanceledException && cancellation.IsCancellationRequested || exception is RpcException) throw;
            throw new RpcException(GrpcStatus.OfFailure("The call cannot be made.", exception));
        }
    }

    /// <summary>The next instruction; null when the server has ended the call well.</summary>
    /// <exception cref="RpcException">The call ended otherwise.</exception>
    /// <exception cref="FormatException">The instruction holds something that cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public async Task<Instruction?> NextAsync(CancellationToken cancellation)
    {
        Status status;
        try
        {
            if (await frames.ReadAsync(static () => ReplyAllowance.Instruction, end.Token).ConfigureAwait(false) is { } frame) return frame.Take();
            status = GrpcStatus.OfTrailers(response) ?? new(StatusCode.Unavailable, "The server ended the call without a status.");
        }
        catch (RpcException exception)
        {
            status = new(StatusCode.Internal, $"What the server sends cannot be read: {exception.Status.Detail}");
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            status = Volatile.Read(ref stalled) is { } why ? new(StatusCode.Unavailable, $"The server began a message and stands still. {why}")
                : GrpcStatus.OfTrailers(response) is { StatusCode: not StatusCode.OK } told ? told
                : GrpcStatus.OfFailure("The connection was lost.", exception);
        }
        await end.CancelAsync().ConfigureAwait(false);
        return status.StatusCode == StatusCode.OK ? null : throw new RpcException(status);
    }

    /// <summary>Sends a reply; false when the server takes no more, and says why at the end of its own side.</summary>
    public async Task<bool> TryWriteAsync(Reply reply, CancellationToken cancellation)
    {
        try
        {
            await frames.WriteAsync(reply, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException)
        {
            cancellation.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>Ends the sending side.</summary>
    public void Complete() => outgoing.Complete();

    public void Dispose()
    {
        end.Cancel();
        cancelled.Dispose();
        outgoing.Complete();
        response.Dispose();
    }

    private static HttpRequestMessage Request(Uri server, string? name, Outgoing outgoing)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, $"/{StreamMessages.Service}/{StreamMessages.Method}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new OutgoingContent(outgoing),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new("trailers"));
        request.Headers.UserAgent.Add(new("managedfed", typeof(JoinCall).Assembly.GetName().Version!.ToString(3)));
        request.Headers.Add("grpc-accept-encoding", "identity");
        if (name is not null) request.Headers.Add(ClientName.Header, name);
        return request;
    }
}

/// <summary>A call's status as HTTP carries it.</summary>
internal static class GrpcStatus
{
    /// <summary>Why a response is no stream of messages; null when it is one.</summary>
    public static Status? OfHeaders(HttpResponseMessage response)
    {
        if (Of(response.Headers) is { } alone) return alone.StatusCode == StatusCode.OK ? new(StatusCode.Unavailable, "The server ended the call at once.") : alone;
        var type = response.Content.Headers.ContentType?.MediaType;
        if (response.StatusCode == HttpStatusCode.OK && type?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true) return null;
        // The protocol's "http-grpc-status-mapping".
        var code = (int)response.StatusCode switch
        {
            400 => StatusCode.Internal,
            401 => StatusCode.Unauthenticated,
            403 => StatusCode.PermissionDenied,
            404 => StatusCode.Unimplemented,
            429 or 502 or 503 or 504 => StatusCode.Unavailable,
            _ => StatusCode.Unknown,
        };
        return new(code, $"The answer is no gRPC: HTTP status {(int)response.StatusCode}, content type '{PeerText.Harmless(type, 64)}'; is another server, or a proxy, at this address?");
    }

    /// <summary>The status at the end of a call; null when there is none.</summary>
    public static Status? OfTrailers(HttpResponseMessage response) => Of(response.TrailingHeaders);

    /// <summary>The status of a call that an exception ended.</summary>
    public static Status OfFailure(string what, Exception exception)
    {
        var (code, words) = (StatusCode.Unavailable, what);
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            words += $" {cause.GetType().Name}: {cause.Message}";
            if (cause is HttpProtocolException { ErrorCode: var error })
            {
                // The protocol's mapping of HTTP/2's error codes.
                code = error switch
                {
                    7 => StatusCode.Unavailable,
                    8 => StatusCode.Cancelled,
                    11 => StatusCode.ResourceExhausted,
                    12 => StatusCode.PermissionDenied,
                    _ => StatusCode.Internal,
                };
            }
        }
        return new(code, words, exception);
    }

    private static Status? Of(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var codes)) return null;
        var message = headers.TryGetValues("grpc-message", out var messages) ? Uri.UnescapeDataString(messages.First()) : "";
        return int.TryParse(codes.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code <= (int)StatusCode.Unauthenticated
            ? new((StatusCode)code, message) : new(StatusCode.Unknown, $"The server ended the call with a status that is none. {message}");
    }
}
