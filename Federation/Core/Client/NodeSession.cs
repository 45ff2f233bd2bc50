using System.Runtime.ExceptionServices;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>One stay of an active node: pull a message and its objects, work, push the reply and the objects asked for.</summary>
internal sealed class NodeSession(FleetCalls calls, NodeWork work, ulong node, FederatedNodeOptions options, ILogger log)
{
    // What Flower's own nodes wait for an object that is announced and not yet there: 1 s, doubled to at most 10 s.
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1), LastWait = TimeSpan.FromSeconds(10);

    private readonly TimeProvider time = options.TimeProvider;
    private ArrayRecord? lastModel;

    /// <summary>True when the server has answered: it knows the node.</summary>
    public bool HasPulled { get; private set; }

    /// <summary>The run of the last reply and when it was pushed; nothing before the first.</summary>
    public (ulong Run, long Pushed)? LastReply { get; private set; }

    /// <summary>Works until the node is cancelled or, if it is to leave then, its run is over.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var pulled = await calls.PullMessagesAsync(node, cancellation).ConfigureAwait(false);
            HasPulled = true;
            for (var i = 0; i < pulled.MessagesList.Count; i++)
            {
                await AnswerAsync(pulled.MessagesList[i], pulled.MessageObjectTrees.ElementAtOrDefault(i), cancellation).ConfigureAwait(false);
            }
            if (pulled.MessagesList.Count > 0) continue;
            if (options.LeaveAfterRun && LastReply is { Run: var run } && await calls.IsOverAsync(node, run, cancellation).ConfigureAwait(false))
            {
                log.RunOver(run);
                return;
            }
            await Task.Delay(options.PollInterval, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Stays until the last reply is certainly fetched: for the grace period, or less when its run is over.</summary>
    public async Task StayAsync(CancellationToken cancellation)
    {
        while (LastReply is { Run: var run, Pushed: var pushed } && time.GetElapsedTime(pushed) is var past && past < options.GracePeriod)
        {
            if (await calls.IsOverAsync(node, run, cancellation).ConfigureAwait(false)) return;
            var left = options.GracePeriod - past;
            await Task.Delay(left < FirstWait ? left : FirstWait, time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(Wire.Message head, Wire.ObjectTree? tree, CancellationToken cancellation)
    {
        var (id, run) = (head.Metadata?.MessageId ?? "", head.Metadata?.RunId ?? 0);
        try
        {
            var start = time.GetTimestamp();
            NodeAnswer answer;
            Wire.Metadata metadata;
            try
            {
                var message = await PullAsync(id, run, tree, cancellation).ConfigureAwait(false);
                await calls.ConfirmAsync(node, run, id, cancellation).ConfigureAwait(false);
                metadata = message.Metadata;
                if (message.Content is null)
                {
                    log.Unreadable(PeerText.Harmless(id), $"it is an error: {PeerText.Harmless(message.Error?.Reason)}");
                    return;
                }
                start = time.GetTimestamp();
                answer = await work.RunAsync(metadata, message.Content, cancellation).ConfigureAwait(false);
            }
            catch (FormatException exception)
            {
                log.Unreadable(PeerText.Harmless(id), PeerText.Harmless(exception.Message));
                // There is nobody to reply to.
                if (head.Metadata is null) return;
                (metadata, answer) = (head.Metadata, NodeWork.Failed(NodeError.MessageUnavailable, exception.Message));
            }
            await PushAsync(metadata, answer, time.GetElapsedTime(start), cancellation).ConfigureAwait(false);
        }
        catch (FleetException exception) when (exception.IsDenial)
        {
            // The run ended while the node worked for it; the next message may be of another.
            log.MessageDropped(PeerText.Harmless(id), $"{exception.Code}: {PeerText.Harmless(exception.Message)}");
        }
        if (work.Errors is { Exception: { } error } errors && errors.Count >= options.MaxErrors) ExceptionDispatchInfo.Throw(error);
    }

    private async Task<FleetMessage> PullAsync(string id, ulong run, Wire.ObjectTree? tree, CancellationToken cancellation)
    {
        if (!FleetObject.IsId(id)) throw new FormatException($"[fleet] '{FleetObject.Shown(id)}' is no message id");
        var limits = ObjectLimits.Default with { MaxBytes = options.MaxMessageBytes };
        // The model of one task is often that of the next: trained on, then evaluated. Another one need not stay in memory.
        var ids = tree is null ? [] : ObjectTrees.Ids(tree, limits);
        if (lastModel is not null && !ids.Contains(lastModel.Id)) lastModel = null;
        var objects = new ReadAhead(
            (item, token) => PullObjectAsync(run, item, token), tree is null ? [] : ObjectTrees.InOrder(tree, lastModel?.Id), calls.AtOnce.Pulls - 1, cancellation);
        FleetMessage message;
        await using (objects.ConfigureAwait(false))
        {
            message = await new Inflation(objects.TakeAsync, limits, lastModel).ReadAsync(id, cancellation).ConfigureAwait(false);
        }
        if (message.Metadata.RunId != run) throw new FormatException($"[fleet] message {FleetObject.Shown(id)} is of run {message.Metadata.RunId}, not {run}");
        // The client may change what it is given; this copy stays as it was pulled.
        if (message.Content?.Values.OfType<ArrayRecord>().FirstOrDefault() is { PulledId: { } pulled } model) lastModel = model.Own(pulled);
        return message;
    }

    private async ValueTask<ReadOnlyMemory<byte>> PullObjectAsync(ulong run, string id, CancellationToken cancellation)
    {
        for (var wait = FirstWait; ; wait = wait * 2 < LastWait ? wait * 2 : LastWait)
        {
            var response = await calls.PullObjectAsync(node, run, id, cancellation).ConfigureAwait(false);
            if (!response.ObjectFound) throw FleetObject.Malformed(id, "the server does not have it");
            if (response.ObjectAvailable) return response.ObjectContent.Memory;
            await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task PushAsync(Wire.Metadata asked, NodeAnswer answer, TimeSpan worked, CancellationToken cancellation)
    {
        // A reply is to be later than its instruction, also by a clock that is behind the server's.
        var microseconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var now = Math.Max(microseconds / 1e6, asked.CreatedAt + 0.001);
        var reply = Deflation.Deflate(
            new()
            {
                RunId = asked.RunId,
                SrcNodeId = node,
                DstNodeId = asked.SrcNodeId,
                ReplyToMessageId = asked.MessageId,
                GroupId = asked.GroupId,
                MessageType = asked.MessageType,
                CreatedAt = now,
                Ttl = asked.Ttl - (now - asked.CreatedAt),
            },
            answer.Content, answer.Error);
        if (reply.Message.Metadata.Ttl <= 0)
        {
            log.MessageDropped(PeerText.Harmless(asked.MessageId), $"it was to be answered within {asked.Ttl} s");
            return;
        }
        // Work that is done is not thrown away: a node that is cancelled now still has the grace period to hand it over.
        using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var registration = cancellation.Register(() => late.CancelAfter(options.GracePeriod));
        var response = await calls.PushMessageAsync(node, reply, worked, late.Token).ConfigureAwait(false);
        LastReply = (asked.RunId, time.GetTimestamp());
        if (response.Results.TryGetValue(reply.Id, out var code) && code != 0) log.MessageDropped(PeerText.Harmless(asked.MessageId), $"the server took the reply with code {code}");
        await Parallel.ForEachAsync(
            response.ObjectsToPush, new ParallelOptions { MaxDegreeOfParallelism = calls.AtOnce.Pushes, CancellationToken = late.Token },
            (id, token) => PushObjectAsync(asked.RunId, response.SessionId, reply, id, token)).ConfigureAwait(false);
        LastReply = (asked.RunId, time.GetTimestamp());
    }

    private async ValueTask PushObjectAsync(ulong run, string session, DeflatedMessage reply, string id, CancellationToken cancellation)
    {
        if (!reply.TryRead(id, out ByteString? content))
        {
            throw new FleetException(FleetFault.Failed, $"the server asks for object {FleetObject.Shown(id)}, which the reply does not have");
        }
        var response = await calls.PushObjectAsync(node, run, session, id, content, cancellation).ConfigureAwait(false);
        if (!response.Stored) throw new FleetException(FleetFault.Denied, $"the server did not store object {FleetObject.Shown(id)}");
    }
}
