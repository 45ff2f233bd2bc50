using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>
/// Joins a SuperLink of Flower 1.23 or later over its Fleet service, by gRPC or by HTTP, as a SuperNode does, and works until it is cancelled.
/// </summary>
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
    /// <param name="address">
    /// The SuperLink's Fleet service: <c>host:port</c>, <c>http://host:port</c> or, encrypted, <c>https://host:port</c>; usually port 8000 for HTTP
    /// and 9092 for gRPC. <see cref="FederatedNodeOptions.Wire"/> chooses between them; by default HTTP is tried, then gRPC.
    /// </param>
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
        if (options is { Key: not null, Signer: not null }) throw new ArgumentException("[node] both Key and Signer are given; a Key signs by itself");
        using var transport = options.Open(address, options.LoggerFactory.CreateLogger("ManagedFed.Node"));
        await RunAsync(transport, address, records, legacy, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs a node over any transport.</summary>
    internal static async Task RunAsync(
        IFleetTransport transport, string address, IRecordClient records, ArrayClient? legacy, FederatedNodeOptions options,
        CancellationToken cancellation)
    {
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Node");
        using var fresh = options.Key is null && options.Signer is null && !OperatingSystem.IsBrowser() ? NodeKey.Create() : null;
        var calls = new FleetCalls(transport, options.Key ?? options.Signer ?? fresh ?? (INodeSigner)ManagedNodeKey.Create(), address, options, log);
        var runner = legacy is null ? null : new InstructionRunner(legacy, options.TimeProvider, log, options.TellErrorMessages);
        var work = new NodeWork(records, runner, options.TimeProvider, log, options.TellErrorMessages);
        log.Joining(address);
        for (var known = options.Key is not null; ; known = true)
        {
            var node = await EnterAsync(calls, known, address, options, cancellation).ConfigureAwait(false);
            log.Active(node, address);
            var session = new NodeSession(calls, work, node, options, log);
            var lost = await StayAsync(calls, session, node, options.Key is null, options, log, cancellation).ConfigureAwait(false);
            if (lost is null) return;
            if (!session.HasPulled) throw Refused(address, lost, options);
            log.Lost(address, Shown(lost, address, options));
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
            catch (FleetException) when (options.Key is null)
            {
                // Whatever is wrong, registering says it again if it is not that the node is unknown.
            }
            await calls.RegisterAsync(cancellation).ConfigureAwait(false);
            return await calls.ActivateAsync(cancellation).ConfigureAwait(false);
        }
        catch (FleetException exception)
        {
            throw Refused(address, exception, options);
        }
    }

    /// <summary>One stay, with heartbeats beside the work and a goodbye at its end.</summary>
    /// <returns>Null when the node has left; else why the server does not know it any more.</returns>
    private static async Task<FleetException?> StayAsync(
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
        catch (FleetException exception)
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
    private static async Task<FleetException?> BeatAsync(
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
                catch (FleetException exception) when (exception.Fault is FleetFault.Unavailable)
                {
                    failures++;
                    log.HeartbeatFailed(PeerText.Harmless(exception.Message));
                }
            }
        }
        catch (FleetException exception)
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
        catch (Exception exception) when (exception is FleetException or FederationException)
        {
            // The server counts a silent node as gone by itself.
            log.GoodbyeFailed(node, PeerText.Harmless(exception.Message));
        }
    }

    private static FederationException Refused(string address, FleetException refusal, FederatedNodeOptions options)
    {
        var why = refusal switch
        {
            { Fault: FleetFault.Unknown } => "answers, but its Fleet service is not that of Flower 1.23 or later",
            { Fault: FleetFault.Unauthenticated } or { IsDenial: true } when options.Key is not null =>
                "does not know this node's key; was it registered with `flwr supernode register`?",
            { IsPrecondition: true } when options.Key is null =>
                "lets in only nodes whose key was registered with `flwr supernode register`; give that key in the options",
            { Fault: FleetFault.Unauthenticated } => "does not accept this node's signature; do both clocks run right?",
            _ => GrpcChannels.Refusal(refusal.InnerException) ?? "refused this node",
        };
        return new($"[node] {address} {why}: {Shown(refusal, address, options)}", refusal.Harmless());
    }

    /// <summary>A failed call as one line, with what may help.</summary>
    private static string Shown(FleetException failure, string address, FederatedNodeOptions options) =>
        $"{failure.Code}: {GrpcChannels.Words(failure.Message, failure.InnerException, options.IsEncrypted(address))}";
}
