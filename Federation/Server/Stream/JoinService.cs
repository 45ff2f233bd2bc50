using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What gRPC binds: Flower's one method, whose messages pass over the pipes under gRPC's own streams.</summary>
[BindServiceMethod(typeof(JoinServiceBase), nameof(Bind))]
internal abstract class JoinServiceBase
{
    private static readonly Marshaller<object> Unused = Marshallers.Create<object>(
        static (_, _) => throw new InvalidOperationException("[wire] messages pass over the pipes"),
        static _ => throw new InvalidOperationException("[wire] messages pass over the pipes"));

    private static readonly Method<object, object> Definition = new(MethodType.DuplexStreaming, StreamMessages.Service, StreamMessages.Method, Unused, Unused);

    public abstract Task Join(IAsyncStreamReader<object> requests, IServerStreamWriter<object> responses, ServerCallContext context);

    /// <summary>Called by ASP.NET Core with no service, only to learn of the method.</summary>
    public static void Bind(ServiceBinderBase binder, JoinServiceBase? service) =>
        binder.AddMethod(Definition, service is null ? null : new DuplexStreamingServerMethod<object, object>(service.Join));
}

/// <summary>Flower's one method: a client's stream, from its arrival until either side ends it.</summary>
internal sealed class JoinService(
    ClientRegistry registry, OpenCount streams, FederatedServerOptions options, ReplyMemory memory, ILogger log, CancellationToken stopping) : JoinServiceBase
{
    private readonly PlaceCount places = new(options.PeerLimits.MaxClients, options.PeerLimits.MaxClientsPerAddress);

    public override async Task Join(
        IAsyncStreamReader<object> requests, IServerStreamWriter<object> responses, ServerCallContext context)
    {
        streams.Add();
        var http = context.GetHttpContext();
        http.Response.OnCompleted(() =>
        {
            streams.Remove();
            return Task.CompletedTask;
        });
        var address = PlaceCount.AddressOf(http.Connection.RemoteIpAddress);
        if (places.Enter(address, out var tell) is { } full)
        {
            if (tell) log.Refused("client", address, full);
            throw new RpcException(new(StatusCode.ResourceExhausted, $"The server takes no more clients now: {full}."));
        }
        try
        {
            await StayAsync(http, context).ConfigureAwait(false);
        }
        finally
        {
            places.Leave(address);
        }
    }

    private async Task StayAsync(HttpContext http, ServerCallContext context)
    {
        // The pipes under gRPC's streams, which would hold every message whole.
        BidiConnection? stalled = null;
        var (peers, time) = (options.PeerLimits, options.TimeProvider);
        var pace = new Pace(time, peers.StallTimeout, peers.StallTimeout.TotalSeconds * peers.MinBytesPerSecond, why => stalled!.Abort(why));
        var pipe = new FramePipe(http.Request.BodyReader, http.Response.BodyWriter, memory, pace);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        var connection = new BidiConnection(Identify(context), pipe, options.ReplyLimits, stop.Token);
        stalled = connection;
        // Tells the client that it is in; a stock server says nothing until its first instruction.
        await context.WriteResponseHeadersAsync([]).ConfigureAwait(false);
        if (!registry.Join(connection)) throw new RpcException(new(StatusCode.Unavailable, "The run is over."));

        using var server = stopping.Register(() => connection.Close(new(StatusCode.Unavailable, "The server stops.")));
        var reading = ReadAsync(connection, pipe, stop.Token);
        var how = "";
        try
        {
            var ended = await Task.WhenAny(reading, connection.Closed).ConfigureAwait(false);
            var status = await ended.ConfigureAwait(false);
            how = connection.GoodbyeSaid ? "goodbye" : status.Detail;
            if (status.StatusCode != StatusCode.OK && !connection.GoodbyeSaid) throw new RpcException(status);
        }
        finally
        {
            var written = connection.End();
            registry.Leave(connection, how);
            await stop.CancelAsync().ConfigureAwait(false);
            // The pipe is not this stream's any more once this returns.
            await written.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Who calls: a client that names itself is the same one whenever it comes back.</summary>
    private ClientInfo Identify(ServerCallContext context)
    {
        if (context.RequestHeaders.GetValue(ClientName.Header) is not { } name) return ClientInfo.Create(context.Peer);
        if (!ClientName.IsValid(name)) throw new RpcException(new(StatusCode.InvalidArgument, $"{ClientName.Header} is '{PeerText.Harmless(name)}', expected {ClientName.Rule}."));
        var stable = ClientName.Stable(name);
        // The one that is here may be gone already without anybody knowing yet; the other tries again.
        if (registry.Snapshot().Any(client => client.Info.StableName == stable)) throw new RpcException(new(StatusCode.AlreadyExists, $"A client named {name} is here."));
        return ClientInfo.Create($"{context.Peer}, {name}", stable);
    }

    /// <summary>Hands each message to the instruction that waits for it, until the stream ends; says how it ended.</summary>
    private async Task<Status> ReadAsync(BidiConnection connection, FramePipe pipe, CancellationToken stop)
    {
        try
        {
            // What was not asked for is not read either.
            while (await pipe.ReadAsync(() => connection.Expected ?? throw Unsolicited(), stop).ConfigureAwait(false) is { } message)
            {
                if (!connection.Deliver(message)) throw Unsolicited();
            }
            return new(StatusCode.OK, "closed its stream");

            RpcException Unsolicited()
            {
                log.Unsolicited(connection.Info.Name);
                return new(new(StatusCode.InvalidArgument, "No instruction waits for this message."));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            return new(StatusCode.OK, "connection lost or cancelled");
        }
        catch (RpcException exception)
        {
            // What cannot be parsed at all; there is no way to find the next message's start.
            return exception.Status;
        }
    }
}
