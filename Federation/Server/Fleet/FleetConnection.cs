using System.Globalization;
using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>A reply whose objects come one by one.</summary>
/// <param name="Id">The reply's message id.</param>
/// <param name="Objects">Its objects.</param>
internal sealed record PushedReply(string Id, ReplyObjects Objects);

/// <summary>What nodes' replies may take.</summary>
/// <param name="Limits">By what was asked.</param>
/// <param name="MaxBytes">Whatever was asked.</param>
/// <param name="Memory">Counts what arrives at the same time.</param>
/// <param name="Interface">How apps are spoken to.</param>
internal sealed record FleetReplies(ReplyLimits Limits, long MaxBytes, ReplyMemory Memory, AppInterface Interface);

/// <summary>
/// One node's stay: a mailbox of one instruction, which the node pulls with its objects, and the reply that it pushes. The node does
/// all the calling; whoever asks waits.
/// </summary>
internal sealed class FleetConnection(ClientInfo info, ulong node, ulong run, FleetReplies replies, TimeProvider clock) : IClientConnection
{
    private readonly Lock gate = new();
    private Exchange? current;
    private string? lastReply;
    private IReadOnlyList<string> lastObjects = [];
    private bool ended;

    /// <summary>The interface of the node's app; null until it has answered.</summary>
    private FleetInterface? spoken;

    public ClientInfo Info => info;

    /// <summary>True once nobody may be asked here any more.</summary>
    public bool Ended
    {
        get
        {
            lock (gate) return ended;
        }
    }

    /// <summary>True when the stay was ended while the node worked on an instruction.</summary>
    public bool LeftBusy { get; private set; }

    public async Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation)
    {
        // Fleet has no goodbye: a node is there for one run after the other.
        if (instruction is ReconnectInstructions) return new(new DisconnectResult(DisconnectReason.Reconnect), null, 0);
        var first = spoken ?? replies.Interface.First;
        var answer = await AskAsync(first, instruction, cancellation).ConfigureAwait(false);
        // An app that does not know what it was asked answers as one that failed.
        if (spoken is not null || !replies.Interface.IsOpen || answer.Failure is not { Reason: FailureReason.Declined } failure) return answer;
        var second = await AskAsync(AppInterface.Other(first), instruction, cancellation).ConfigureAwait(false);
        var bytes = answer.Bytes + second.Bytes;
        return second.Failure is not { Reason: not FailureReason.Disconnected } again ? second with { Bytes = bytes }
            : new(null, failure with { Message = $"as {first}: {failure.Message}; as {AppInterface.Other(first)}: {again.Message}" }, bytes);
    }

    private async Task<Answer> AskAsync(FleetInterface one, Instruction instruction, CancellationToken cancellation)
    {
        if (AppInterface.Encode(one, instruction) is not var (type, content)) return Answer.Failed(FailureReason.TensorType, "Flower's Message API carries arrays alone");
        var metadata = new Wire.Metadata
        {
            RunId = run,
            SrcNodeId = ReplyRules.ServerId,
            DstNodeId = node,
            Ttl = ReplyRules.DefaultTtl,
            MessageType = type,
            GroupId = one == FleetInterface.MessageApi ? "" : instruction.Round?.ToString(CultureInfo.InvariantCulture) ?? "",
            CreatedAt = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds,
        };
        using var share = replies.Memory.Open();
        var exchange = new Exchange(Deflation.Deflate(metadata, content), ReplyAllowance.For(instruction, replies.Limits).ToObjects(replies.MaxBytes), share);
        lock (gate)
        {
            if (ended) return Answer.Failed(FailureReason.Disconnected, "left before it was asked");
            if (current is not null) throw new InvalidOperationException($"[server] client {info} is asked while it has not yet answered");
            current = exchange;
        }
        try
        {
            if (await exchange.Reply.Task.WaitAsync(cancellation).ConfigureAwait(false) is not { } reply)
            {
                return Answer.Failed(FailureReason.Disconnected, "left before it answered", exchange.Sent);
            }
            return await ReadAsync(one, instruction, reply, exchange, content.Values.OfType<ArrayRecord>().FirstOrDefault(), cancellation).ConfigureAwait(false);
        }
        catch (FormatException exception)
        {
            return Answer.Failed(FailureReason.Malformed, PeerText.Harmless(exception.Message), exchange.Bytes);
        }
        catch (IOException exception)
        {
            return Answer.Failed(FailureReason.Disconnected, exception.Message, exchange.Bytes);
        }
        finally
        {
            lock (gate)
            {
                LeftBusy |= exchange is { Confirmed: true, Pushed: null };
                current = null;
            }
        }
    }

    private async Task<Answer> ReadAsync(
        FleetInterface one, Instruction asked, PushedReply reply, Exchange exchange, ArrayRecord? model, CancellationToken cancellation)
    {
        var message = await new Inflation(reply.Objects.TakeAsync, exchange.Limits, model).ReadAsync(reply.Id, cancellation).ConfigureAwait(false);
        // The push said the same, but only this is what the id stands for.
        if (ReplyRules.Problem(message.Metadata, exchange.Instruction.Message.Metadata) is { } problem) throw new FormatException($"[fleet] {problem}");
        if (message.Error is { } error) return new(null, FleetErrors.ToRefusal(error), exchange.Bytes);
        var (found, result) = AppInterface.Decode(one, asked, message.Metadata.MessageType, message.Content!);
        spoken = found;
        replies.Interface.Hear(found);
        return new(result, null, exchange.Bytes);
    }

    /// <summary>True when an object may come that belongs here.</summary>
    public bool ExpectsObjects
    {
        get
        {
            lock (gate) return current?.Pushed is not null || lastObjects.Count > 0;
        }
    }

    public void Abort(string reason) => End();

    /// <summary>The node is gone: whoever waits for a reply that is not here, or asks later, gets none.</summary>
    public void End()
    {
        Exchange? left;
        lock (gate)
        {
            ended = true;
            left = current;
            if (left is { Pushed: null }) LeftBusy |= left.Confirmed;
        }
        if (left is null) return;
        left.Reply.TrySetResult(null);
        if (left.Pushed is { Objects: { IsComplete: false } objects }) objects.Fail(new IOException("left before it had sent its answer"));
    }

    /// <summary>The instruction that waits for the node, until the node confirms that it has it: an answer may be lost on its way.</summary>
    public DeflatedMessage? Pull()
    {
        lock (gate) return current is { Confirmed: false, Pushed: null } ? current.Instruction : null;
    }

    /// <summary>An object of the instruction; null when it has none of this id.</summary>
    public ByteString? Read(string id)
    {
        Exchange? exchange;
        lock (gate) exchange = current;
        if (exchange is null || !exchange.Instruction.TryRead(id, out var content)) return null;
        exchange.CountSent(content.Length);
        return content;
    }

    /// <summary>The node has the instruction with all its objects; other ids mean nothing.</summary>
    public void Confirm(string id)
    {
        lock (gate)
        {
            if (current?.Instruction.Id == id) current.Confirmed = true;
        }
    }

    /// <summary>Takes the head of a reply; says which objects are to follow, or null when nobody waits for this reply.</summary>
    /// <exception cref="FormatException">It is no reply to what was asked; the instruction has then failed.</exception>
    public IReadOnlyList<string>? Push(Wire.Message message, Wire.ObjectTree tree)
    {
        Exchange exchange;
        PushedReply pushed;
        lock (gate)
        {
            // A node that did not hear the answer to its push pushes again.
            if (message.Metadata.MessageId == (current?.Pushed?.Id ?? lastReply)) return current?.Pushed?.Objects.ToPush ?? [];
            if (current is not { Pushed: null } waiting || message.Metadata.ReplyToMessageId != waiting.Instruction.Id) return null;
            exchange = waiting;
            try
            {
                if (ReplyRules.Problem(message.Metadata, exchange.Instruction.Message.Metadata) is { } problem) throw new FormatException($"[fleet] {problem}");
                if (tree.ObjectId != message.Metadata.MessageId)
                {
                    throw new FormatException(
                        $"[fleet] the tree is of {FleetObject.Shown(tree.ObjectId)}, the message is {FleetObject.Shown(message.Metadata.MessageId)}");
                }
                pushed = new(tree.ObjectId, new(tree, exchange.Instruction, exchange.Limits));
            }
            catch (FormatException exception)
            {
                exchange.Reply.TrySetException(exception);
                throw;
            }
            exchange.Pushed = pushed;
            (lastReply, lastObjects) = (pushed.Id, pushed.Objects.ToPush);
        }
        exchange.Reply.TrySetResult(pushed);
        return pushed.Objects.ToPush;
    }

    /// <summary>Takes an object of the reply; false when nobody waits for it.</summary>
    /// <exception cref="FormatException">The bytes are not those of the id, or too many; the instruction has then failed.</exception>
    public bool Put(string id, ByteString content)
    {
        Exchange? exchange;
        lock (gate) exchange = current;
        // A node that did not hear that its last object arrived pushes it again.
        if (exchange is null) return lastObjects.Contains(id);
        if (exchange.Pushed?.Objects is not { } objects) return false;
        return objects.Put(id, content, () =>
        {
            if (!exchange.Share.TryTake(content.Length)) throw FleetRefusal.Of(FleetFault.Unavailable, "too many replies arrive at the same time; push again");
        });
    }

    /// <summary>One instruction and what is known of its reply.</summary>
    private sealed class Exchange(DeflatedMessage instruction, ObjectLimits limits, ReplyMemory.Share share)
    {
        private long sent;

        public DeflatedMessage Instruction => instruction;

        public ObjectLimits Limits => limits;

        public ReplyMemory.Share Share => share;

        public TaskCompletionSource<PushedReply?> Reply { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Confirmed { get; set; }

        public PushedReply? Pushed { get; set; }

        public long Sent => Interlocked.Read(ref sent);

        public long Bytes => Sent + (Pushed?.Objects.Received ?? 0);

        public void CountSent(long bytes) => Interlocked.Add(ref sent, bytes);
    }
}
