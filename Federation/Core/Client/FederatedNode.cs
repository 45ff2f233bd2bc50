using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Joins a SuperLink of Flower 1.23 or later over its Fleet service, as a SuperNode does, and works until it is cancelled.</summary>
/// <remarks>
/// <para>The app bundle that a run brings is not looked at: the client given does the work, for apps of Flower's older interface
/// (<c>NumPyClient</c> and <c>Strategy</c>) and for those of the Message API with the names of Flower's own strategies.</para>
/// <para>A SuperLink that cannot be reached, or is lost, is tried again after exponentially growing random waits of at most 20 s,
/// without end unless the options set one; one that was restarted and has forgotten the node is registered with anew. A node that
/// is cancelled stays for <see cref="FederatedNodeOptions.GracePeriod"/> after its last reply, then says goodbye.</para>
/// </remarks>
public static class FederatedNode
{
    /// <summary>Joins with the client that also joins the bidirectional stream.</summary>
    /// <param name="address">The SuperLink's Fleet service: <c>host:port</c>, usually port 9092; encrypted when it begins with
    /// <c>https://</c> or the options ask for TLS.</param>
    /// <param name="client">What does the work.</param>
    /// <param name="options">How long to try, what to trust, who the node is, where to log.</param>
    /// <param name="cancellation">Leaves the SuperLink.</param>
    /// <exception cref="FederationException">The server refuses this node, or the options' limit of attempts or time is reached.</exception>
    /// <exception cref="OperationCanceledException">The node was cancelled, and has left.</exception>
    public static Task StartAsync(
        string address, ArrayClient client, FederatedNodeOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return ConnectAsync(address, new ArrayRecordClient(client), client, options ?? new(), cancellation);
    }

    /// <summary>Joins with a client over records.</summary>
    /// <inheritdoc cref="StartAsync(string, ArrayClient, FederatedNodeOptions?, CancellationToken)"/>
    public static Task StartAsync(
        string address, IRecordClient client, FederatedNodeOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return ConnectAsync(address, client, null, options ?? new(), cancellation);
    }

    private static async Task ConnectAsync(
        string address, IRecordClient records, ArrayClient? legacy, FederatedNodeOptions options, CancellationToken cancellation)
    {
        using var transport = new GrpcFleetTransport(options.ToUri(address), options.RootCertificates, options.KeepAliveInterval);
        await RunAsync(transport, address, records, legacy, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs a node over any transport.</summary>
    internal static async Task RunAsync(
        IFleetTransport transport, string address, IRecordClient records, ArrayClient? legacy, FederatedNodeOptions options,
        CancellationToken cancellation)
    {
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Node");
        using var fresh = options.Key is null ? NodeKey.Create() : null;
        var calls = new FleetCalls(transport, options.Key ?? fresh!, address, options, log);
        var runner = legacy is null ? null : new InstructionRunner(legacy, options.TimeProvider, log, options.TellErrorMessages);
        var work = new NodeWork(records, runner, options.TimeProvider, log, options.TellErrorMessages);
        log.Joining(address);
        for (var known = fresh is null; ; known = true)
        {
            var node = await EnterAsync(calls, known, address, options, cancellation).ConfigureAwait(false);
            log.Active(node, address);
            var session = new NodeSession(calls, work, node, options, log);
            var lost = await StayAsync(calls, session, node, fresh is not null, options, log, cancellation).ConfigureAwait(false);
            if (lost is null) return;
            if (!session.HasPulled) throw Refused(address, lost.Status, options);
            log.Lost(address, GrpcChannels.Shown(lost.Status, options.IsEncrypted(address)));
        }
    }

    /// <summary>Makes the node active. A server that has forgotten it since is registered with anew.</summary>
    private static async Task<ulong> EnterAsync(
        FleetCalls calls, bool known, string address, FederatedNodeOptions options, CancellationToken cancellation)
    {
        try
        {
            try
            {
                if (known) return await calls.ActivateAsync(cancellation).ConfigureAwait(false);
            }
            catch (RpcException) when (options.Key is null)
            {
                // Whatever is wrong, registering says it again if it is not that the node is unknown.
            }
            await calls.RegisterAsync(cancellation).ConfigureAwait(false);
            return await calls.ActivateAsync(cancellation).ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            throw Refused(address, exception.Status, options);
        }
    }

    /// <summary>One stay, with heartbeats beside the work and a goodbye at its end.</summary>
    /// <returns>Null when the node has left; else why the server does not know it any more.</returns>
    private static async Task<RpcException?> StayAsync(
        FleetCalls calls, NodeSession session, ulong node, bool registered, FederatedNodeOptions options, ILogger log, CancellationToken cancellation)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var left = new CancellationTokenSource();
        var heartbeats = BeatAsync(calls, node, lost, options, log, left.Token);
        var forgotten = false;
        try
        {
            await session.RunAsync(lost.Token).ConfigureAwait(false);
            return null;
        }
        catch (RpcException exception)
        {
            forgotten = true;
            return exception;
        }
        catch (FederationException)
        {
            forgotten = true;
            throw;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            forgotten = true;
            return await heartbeats.ConfigureAwait(false);
        }
        finally
        {
            if (!forgotten) await LeaveAsync(calls, session, node, registered, options, log).ConfigureAwait(false);
            await left.CancelAsync().ConfigureAwait(false);
            await heartbeats.ConfigureAwait(false);
        }
    }

    /// <summary>Tells the server every so often that the node lives.</summary>
    /// <returns>Null when the node has left; else why the server does not know it any more.</returns>
    private static async Task<RpcException?> BeatAsync(
        FleetCalls calls, ulong node, CancellationTokenSource lost, FederatedNodeOptions options, ILogger log, CancellationToken left)
    {
        var failures = 0;
        try
        {
            while (true)
            {
                var wait = failures == 0 ? calls.HeartbeatWait : calls.FailureWait(failures - 1);
                await Task.Delay(wait, options.TimeProvider, left).ConfigureAwait(false);
                try
                {
                    if (!await calls.HeartbeatAsync(node, left).ConfigureAwait(false)) await calls.ActivateAsync(left).ConfigureAwait(false);
                    failures = 0;
                }
                catch (RpcException exception) when (exception.StatusCode is StatusCode.Unavailable)
                {
                    failures++;
                    log.HeartbeatFailed(PeerText.Harmless(exception.Status.Detail));
                }
            }
        }
        catch (RpcException exception)
        {
            await lost.CancelAsync().ConfigureAwait(false);
            return exception;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task LeaveAsync(
        FleetCalls calls, NodeSession session, ulong node, bool registered, FederatedNodeOptions options, ILogger log)
    {
        try
        {
            using var grace = new CancellationTokenSource(options.GracePeriod, options.TimeProvider);
            try
            {
                await session.StayAsync(grace.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The grace period is over.
            }
            log.NodeLeaves(node);
            await calls.DeactivateAsync(node, CancellationToken.None).ConfigureAwait(false);
            if (registered) await calls.UnregisterAsync(node, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RpcException or FederationException)
        {
            // The server counts a silent node as gone by itself.
            log.GoodbyeFailed(node, PeerText.Harmless(exception.Message));
        }
    }

    private static FederationException Refused(string address, Status status, FederatedNodeOptions options)
    {
        var why = status.StatusCode switch
        {
            StatusCode.Unimplemented => "is a gRPC server, but its Fleet service is not that of Flower 1.23 or later",
            StatusCode.Unauthenticated or StatusCode.PermissionDenied or StatusCode.NotFound when options.Key is not null =>
                "does not know this node's key; was it registered with `flwr supernode register`?",
            StatusCode.FailedPrecondition when options.Key is null =>
                "lets in only nodes whose key was registered with `flwr supernode register`; give that key in the options",
            StatusCode.Unauthenticated => "does not accept this node's signature; do both clocks run right?",
            _ => GrpcChannels.Refusal(status) ?? "refused this node",
        };
        return new($"[node] {address} {why}: {GrpcChannels.Shown(status, options.IsEncrypted(address))}", GrpcChannels.Harmless(status));
    }
}
