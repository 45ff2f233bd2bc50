using System.Buffers;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace ManagedFed.Federation;

/// <summary>Fleet over HTTP, as Flower 1.40 and later speaks it: a request is one message of protobuf, an error a line of JSON with a status.</summary>
internal sealed class HttpFleet(FleetGate gate, PeerLimits limits, TimeProvider time, ILogger log)
{
    private const string Protobuf = "application/protobuf", Json = "application/json";

    /// <summary>Twelve paths, one for each method.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var method in FleetMethods.Names) routes.MapPost(FleetMethods.Folder + FleetMethods.Path(method), context => InvokeAsync(context, method));
    }

    /// <summary>A request that this port does not know.</summary>
    public static Task AnswerUnknown(HttpContext context) =>
        RefuseAsync(context, new(FleetFault.Unknown, FleetVersion.Unknown(context.Request.Path)));

    private async Task InvokeAsync(HttpContext context, string method)
    {
        if (FleetVersion.Http.Warning(context.Request.Headers[FleetVersion.Header].FirstOrDefault()) is { } warning) context.Response.Headers[FleetVersion.WarningHeader] = warning;
        using var timer = new CancellationTokenSource(limits.MaxCallTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, context.RequestAborted);
        try
        {
            var request = context.Request;
            CheckForm(request);
            using var visit = gate.Enter(method, Headers(request.Headers), SignedHeaders.Http, FleetPeer.Of(context.Connection));
            var response = await AnswerAsync(context, method, visit, either.Token).ConfigureAwait(false);
            await SendAsync(context, response, either.Token).ConfigureAwait(false);
        }
        catch (FleetException refusal) when (!context.Response.HasStarted)
        {
            await RefuseAsync(context, refusal).ConfigureAwait(false);
        }
        catch (BadHttpRequestException refusal) when (!context.Response.HasStarted)
        {
            var fault = refusal.StatusCode switch
            {
                StatusCodes.Status408RequestTimeout => FleetFault.TooSlow,
                StatusCodes.Status413PayloadTooLarge => FleetFault.TooLarge,
                _ => FleetFault.Invalid,
            };
            await RefuseAsync(context, FleetRefusal.Of(fault, refusal.Message)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            await RefuseAsync(context, FleetRefusal.Of(FleetFault.TooSlow, $"the request did not come within {limits.MaxCallTime.TotalSeconds} s")).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or BadHttpRequestException or FleetException)
        {
            // The caller has left, or takes its answer too slowly.
            context.Abort();
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            log.CallFailed(exception, method);
            await RefuseAsync(context, FleetRefusal.Of(FleetFault.Failed, "the server failed; its log says why")).ConfigureAwait(false);
        }
    }

    /// <summary>Reads the request as it comes, no further than its method allows, and does what it asks.</summary>
    private async Task<IMessage> AnswerAsync(HttpContext context, string method, FleetGate.Visit visit, CancellationToken cancellation)
    {
        var most = FleetMethods.MaxBytes(method);
        if (context.Request.ContentLength is { } length && length > most) throw TooLarge(length);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = most + 1;
        var body = context.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(cancellation).ConfigureAwait(false);
            var (buffer, all) = (read.Buffer, read.IsCompleted);
            try
            {
                if (buffer.Length > most) throw TooLarge(buffer.Length);
                if (!all) continue;
                visit.CheckContent(context.Request.Path.Value ?? "", buffer);
                return gate.Desk.Call(method, visit.Caller, buffer);
            }
            finally
            {
                body.AdvanceTo(all ? buffer.End : buffer.Start, buffer.End);
            }
        }

        FleetException TooLarge(long bytes) => FleetRefusal.Of(FleetFault.TooLarge, $"the request has {bytes} bytes or more, at most {most} are taken");
    }

    private static async Task SendAsync(HttpContext context, IMessage message, CancellationToken cancellation)
    {
        var response = context.Response;
        var size = message.CalculateSize();
        (response.ContentType, response.ContentLength) = (Protobuf, size);
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            message.WriteTo(buffer.AsSpan(0, size));
            await response.Body.WriteAsync(buffer.AsMemory(0, size), cancellation).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The status and the number that Flower gives a refusal, with the sentence for the node.</summary>
    private static async Task RefuseAsync(HttpContext context, FleetException refusal)
    {
        var response = context.Response;
        var (status, code) = CodeOf(refusal.Fault);
        (response.StatusCode, response.ContentType) = (status, Json);
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            if (status == StatusCodes.Status401Unauthorized) json.WriteString("detail", "Invalid SuperNode authentication");
            json.WriteNumber("code", code);
            json.WriteString("public_message", refusal.Message);
            json.WriteString("public_details", "");
            json.WriteEndObject();
        }
        response.ContentLength = body.WrittenCount;
        try
        {
            await response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            context.Abort();
        }
    }

    /// <summary>The status of a refusal, and Flower's number for it; 0 where it has none.</summary>
    public static (int Status, int Code) CodeOf(FleetFault fault) => fault switch
    {
        FleetFault.Invalid => (StatusCodes.Status400BadRequest, 0),
        FleetFault.Interval => (StatusCodes.Status400BadRequest, 2003),
        FleetFault.Unauthenticated => (StatusCodes.Status401Unauthorized, 0),
        FleetFault.Denied => (StatusCodes.Status403Forbidden, 2007),
        FleetFault.RunDenied => (StatusCodes.Status403Forbidden, 2008),
        FleetFault.BundleDenied => (StatusCodes.Status403Forbidden, 2009),
        FleetFault.RegistrationClosed => (StatusCodes.Status412PreconditionFailed, 2001),
        FleetFault.Inactive => (StatusCodes.Status412PreconditionFailed, 2004),
        FleetFault.TooLarge => (StatusCodes.Status413PayloadTooLarge, 0),
        FleetFault.Unknown => (StatusCodes.Status404NotFound, 0),
        FleetFault.Unsupported => (StatusCodes.Status415UnsupportedMediaType, 0),
        FleetFault.TooSlow => (StatusCodes.Status408RequestTimeout, 0),
        FleetFault.Unavailable => (StatusCodes.Status503ServiceUnavailable, 0),
        _ => (StatusCodes.Status500InternalServerError, 0),
    };

    /// <summary>Refuses what is no message, or a compressed one: a small body could become a gigabyte.</summary>
    private static void CheckForm(HttpRequest request)
    {
        var type = request.ContentType.AsSpan();
        if (type.IndexOf(';') is >= 0 and var end) type = type[..end];
        if (!type.Trim().Equals(Protobuf, StringComparison.OrdinalIgnoreCase))
        {
            throw FleetRefusal.Of(FleetFault.Unsupported, $"the content-type is '{PeerText.Harmless(request.ContentType)}', expected {Protobuf}");
        }
        if (request.Headers.ContentEncoding.Count > 0) throw FleetRefusal.Of(FleetFault.Unsupported, "compressed messages are not understood");
    }

    private static SignedHeaders? Headers(IHeaderDictionary headers) =>
        Bytes(headers[SignedHeaders.Http.PublicKey]) is { } key && headers[SignedHeaders.Http.Timestamp] is [{ } timestamp]
            && Bytes(headers[SignedHeaders.Http.Signature]) is { } signature ? new(key, timestamp, signature) { Content = FleetPeer.ContentOf(headers) } : null;

    private static byte[]? Bytes(StringValues header) => header is [{ } text] ? FleetPeer.BytesOf(text) : null;
}
