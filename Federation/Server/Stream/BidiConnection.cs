using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>The server's end of one <c>Join</c> stream: replies carry no id, so there is one instruction at a time.</summary>
/// <param name="info">Whose stream it is.</param>
/// <param name="responses">Where instructions go.</param>
/// <param name="limits">What replies may hold.</param>
/// <param name="gone">Ends what is still being written.</param>
internal sealed class BidiConnection(ClientInfo info, IInstructionWriter responses, ReplyLimits? limits = null, CancellationToken gone = default)
    : IClientConnection
{
    private static readonly ReplyLimits Default = new();

    private readonly TaskCompletionSource<Status> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private TaskCompletionSource<Frame<Reply>?>? pending;
    private ReplyAllowance? allowance;
    private Task<long> written = Task.FromResult(0L);
    private bool ended;

    public ClientInfo Info => info;

    /// <summary>True once the client was asked to leave: then every end is a good one.</summary>
    public bool GoodbyeSaid { get; private set; }

    /// <summary>What the next reply may hold; null when nothing was asked.</summary>
    public ReplyAllowance? Expected
    {
        get
        {
            lock (gate) return pending is null ? null : allowance;
        }
    }

    /// <summary>Completes when the server wants the stream ended, with the status to end it with.</summary>
    public Task<Status> Closed => closed.Task;

    public async Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation)
    {
        GoodbyeSaid = instruction is ReconnectInstructions;
        var bytes = 0L;
        var reply = new TaskCompletionSource<Frame<Reply>?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (ended) return Answer.Failed(FailureReason.Disconnected, "left before it was asked");
            if (pending is not null && !GoodbyeSaid) throw new InvalidOperationException($"[server] client {info} is asked while it has not yet answered");
            pending?.TrySetResult(null);
            pending = reply;
            allowance = ReplyAllowance.For(instruction, limits ?? Default);
        }
        try
        {
            // A goodbye may find an instruction on its way that nobody waits for any more; it can only follow.
            await written.WaitAsync(cancellation).ConfigureAwait(false);
            lock (gate)
            {
                if (ended) return Answer.Failed(FailureReason.Disconnected, "left before it was asked");
                written = Task.Run(() => responses.WriteAsync(instruction, gone), CancellationToken.None);
            }
            bytes = await written.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (MessageTooLongException exception)
        {
            // Nothing was sent: the client waits for what comes next.
            TakePending(false);
            lock (gate) written = Task.FromResult(0L);
            return Answer.Failed(FailureReason.Malformed, exception.Message);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or IOException
            || exception is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return Answer.Failed(FailureReason.Disconnected, "left before it was asked");
        }
        if (await TakeAsync(reply.Task, cancellation).ConfigureAwait(false) is not { } answer)
        {
            return Answer.Failed(FailureReason.Disconnected, "left before it answered", bytes);
        }
        bytes += answer.Bytes;
        if (GoodbyeSaid) Close(Status.DefaultSuccess);
        try
        {
            return new(answer.Take(), null, bytes, answer.Share);
        }
        catch (FormatException exception)
        {
            answer.Share?.Dispose();
            return Answer.Failed(FailureReason.Malformed, PeerText.Harmless(exception.Message, 512), bytes);
        }
    }

    public void Abort(string reason) => Close(new(StatusCode.DeadlineExceeded, reason));

    /// <summary>Asks the handler to end the stream; the first status given counts.</summary>
    public void Close(Status status) => closed.TrySetResult(status);

    /// <summary>Takes a message from the stream; false when no instruction waits for one.</summary>
    public bool Deliver(Frame<Reply> message)
    {
        if (TakePending(false)?.TrySetResult(message) == true) return true;
        message.Share?.Dispose();
        return false;
    }

    /// <summary>The stream has ended: whoever waits for a reply, or asks later, gets none.</summary>
    /// <returns>Completes when nothing is written any more.</returns>
    public Task End()
    {
        TakePending(true)?.TrySetResult(null);
        return written;
    }

    /// <summary>A reply; one that comes when nobody waits any more gives its memory back.</summary>
    private static async Task<Frame<Reply>?> TakeAsync(Task<Frame<Reply>?> reply, CancellationToken cancellation)
    {
        try
        {
            return await reply.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = reply.ContinueWith(static late => late.Result?.Share?.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw;
        }
    }

    private TaskCompletionSource<Frame<Reply>?>? TakePending(bool end)
    {
        lock (gate)
        {
            ended |= end;
            var taken = pending;
            pending = null;
            return taken;
        }
    }
}
