using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace ManagedFed.Federation;

/// <summary>Fleet over gRPC: stands before the service's calls, and gives refusals the codes of gRPC.</summary>
internal sealed class GrpcFleet(FleetGate gate, PeerLimits limits, TimeProvider time)
{
    private const string Folder = $"/{FleetMethods.Service}/";

    /// <summary>gRPC's bytes before a message: whether it is compressed, and its length.</summary>
    private const int Prefix = 5;

    private static readonly object CallerKey = new();

    /// <summary>Who calls, as the gate found.</summary>
    public static FleetCaller CallerOf(HttpContext context) => (FleetCaller)context.Items[CallerKey]!;

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith(Folder, StringComparison.Ordinal) || !FleetMethods.Names.Contains(path[Folder.Length..]))
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        var method = path[Folder.Length..];
        using var timer = new CancellationTokenSource(limits.MaxCallTime, time);
        using var abort = timer.Token.Register(context.Abort);
        try
        {
            using var visit = gate.Enter(method, Headers(context.Request.Headers), SignedHeaders.Grpc, FleetPeer.Of(context.Connection));
            context.Items[CallerKey] = visit.Caller;
            await CheckBodyAsync(context, FleetMethods.MaxBytes(method), timer.Token).ConfigureAwait(false);
            if (visit.IsContentSigned) await CheckContentAsync(context, visit, timer.Token).ConfigureAwait(false);
            await next(context).ConfigureAwait(false);
        }
        catch (FleetException refusal) when (!context.Response.HasStarted)
        {
            Answer(context, new(CodeOf(refusal.Fault), refusal.Message));
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
    }

    /// <summary>A call that this port does not know.</summary>
    public static Task AnswerUnknown(HttpContext context)
    {
        Answer(context, new(StatusCode.Unimplemented, FleetVersion.Unknown(context.Request.Path)));
        return Task.CompletedTask;
    }

    /// <summary>The code of a refusal.</summary>
    public static StatusCode CodeOf(FleetFault fault) => fault switch
    {
        FleetFault.Invalid or FleetFault.Interval => StatusCode.InvalidArgument,
        FleetFault.Unauthenticated => StatusCode.Unauthenticated,
        FleetFault.Denied or FleetFault.RunDenied => StatusCode.PermissionDenied,
        FleetFault.BundleDenied => StatusCode.NotFound,
        FleetFault.RegistrationClosed or FleetFault.Inactive => StatusCode.FailedPrecondition,
        FleetFault.TooLarge => StatusCode.ResourceExhausted,
        FleetFault.Unknown or FleetFault.Unsupported => StatusCode.Unimplemented,
        FleetFault.TooSlow => StatusCode.DeadlineExceeded,
        FleetFault.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.Internal,
    };

    /// <summary>Looks at the bytes before the message and leaves them where they are.</summary>
    private static async Task CheckBodyAsync(HttpContext context, int most, CancellationToken cancellation)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = most + Prefix;
        var body = context.Request.BodyReader;
        var result = await body.ReadAtLeastAsync(Prefix, cancellation).ConfigureAwait(false);
        var (compressed, length) = Read(result.Buffer);
        body.AdvanceTo(result.Buffer.Start);
        if (compressed) throw FleetRefusal.Of(FleetFault.Unsupported, "compressed messages are not understood");
        if (length > most) throw FleetRefusal.Of(FleetFault.TooLarge, $"the request has {length} bytes, at most {most} are taken");

        static (bool Compressed, uint Length) Read(in ReadOnlySequence<byte> buffer)
        {
            if (buffer.Length < Prefix) return default;
            Span<byte> bytes = stackalloc byte[Prefix];
            buffer.Slice(0, Prefix).CopyTo(bytes);
            return (bytes[0] != 0, BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]));
        }
    }

    /// <summary>Reads the whole message, whose length was checked, and leaves it where it is.</summary>
    private static async Task CheckContentAsync(HttpContext context, FleetGate.Visit visit, CancellationToken cancellation)
    {
        var body = context.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(cancellation).ConfigureAwait(false);
            if (!read.IsCompleted)
            {
                body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            try
            {
                if (read.Buffer.Length < Prefix) throw FleetRefusal.Invalid("the request has no message");
                visit.CheckContent(context.Request.Path.Value ?? "", read.Buffer.Slice(Prefix));
            }
            finally
            {
                body.AdvanceTo(read.Buffer.Start);
            }
            return;
        }
    }

    /// <summary>A response without a body, as gRPC allows for errors.</summary>
    private static void Answer(HttpContext context, Status status)
    {
        var response = context.Response;
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = $"{(int)status.StatusCode}";
        response.Headers["grpc-message"] = Uri.EscapeDataString(status.Detail);
        if (FleetVersion.Grpc.Warning(context.Request.Headers[FleetVersion.Header].FirstOrDefault()) is { } warning) response.Headers[FleetVersion.WarningHeader] = warning;
    }

    private static SignedHeaders? Headers(IHeaderDictionary headers) =>
        Bytes(headers[SignedHeaders.Grpc.PublicKey]) is { } key && headers[SignedHeaders.Grpc.Timestamp] is [{ } timestamp]
            && Bytes(headers[SignedHeaders.Grpc.Signature]) is { } signature ? new(key, timestamp, signature) { Content = FleetPeer.ContentOf(headers) } : null;

    /// <summary>The bytes of a binary header, which is base64 with or without its padding.</summary>
    private static byte[]? Bytes(StringValues header)
    {
        if (header is not [{ } text]) return null;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var count) ? bytes[..count] : null;
    }
}

/// <summary>The service as the gRPC library calls it: hands each request on to the desk.</summary>
internal sealed class GrpcFleetService(FleetDesk desk) : Wire.Fleet.FleetBase
{
    public override Task<Wire.RegisterNodeResponse> RegisterNode(Wire.RegisterNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Register);

    public override Task<Wire.ActivateNodeResponse> ActivateNode(Wire.ActivateNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Activate);

    public override Task<Wire.DeactivateNodeResponse> DeactivateNode(Wire.DeactivateNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Deactivate);

    public override Task<Wire.UnregisterNodeResponse> UnregisterNode(Wire.UnregisterNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Unregister);

    public override Task<Wire.SendNodeHeartbeatResponse> SendNodeHeartbeat(Wire.SendNodeHeartbeatRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Heartbeat);

    public override Task<Wire.PullMessagesResponse> PullMessages(Wire.PullMessagesRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Pull);

    public override Task<Wire.PushMessagesResponse> PushMessages(Wire.PushMessagesRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Push);

    public override Task<Wire.GetRunResponse> GetRun(Wire.GetRunRequest request, ServerCallContext context) => Answer(context, request, desk.GetRun);

    public override Task<Wire.GetFabResponse> GetFab(Wire.GetFabRequest request, ServerCallContext context) => Answer(context, request, desk.GetFab);

    public override Task<Wire.PushObjectResponse> PushObject(Wire.PushObjectRequest request, ServerCallContext context) =>
        Answer(context, request, desk.PushObject);

    public override Task<Wire.PullObjectResponse> PullObject(Wire.PullObjectRequest request, ServerCallContext context) =>
        Answer(context, request, desk.PullObject);

    public override Task<Wire.ConfirmMessageReceivedResponse> ConfirmMessageReceived(
        Wire.ConfirmMessageReceivedRequest request, ServerCallContext context) => Answer(context, request, desk.Confirm);

    private static Task<TResponse> Answer<TRequest, TResponse>(ServerCallContext context, TRequest request, Func<FleetCaller, TRequest, TResponse> act)
    {
        if (FleetVersion.Grpc.Warning(context.RequestHeaders.GetValue(FleetVersion.Header)) is { } warning)
        {
            context.ResponseTrailers.Add(FleetVersion.WarningHeader, warning);
        }
        try
        {
            return Task.FromResult(act(GrpcFleet.CallerOf(context.GetHttpContext()), request));
        }
        catch (FleetException refusal)
        {
            throw new RpcException(new(GrpcFleet.CodeOf(refusal.Fault), refusal.Message));
        }
    }
}
