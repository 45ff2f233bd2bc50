using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>The server's end of one <c>Join</c> stream: replies carry no id, so there is one instruction at a time.</summary>
internal sealed class BidiConnection(ClientInfo info, IInstructionWriter responses) : IClientConnection
{
    private readonly TaskCompletionSource<Status> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private TaskCompletionSource<Frame<Reply>?>? pending;
    private volatile bool expectsArrays;
    private volatile bool writing;
    private bool ended;

    public ClientInfo Info => info;

    /// <summary>True once the client was asked to leave: then every end is a good one.</summary>
    public bool GoodbyeSaid { get; private set; }

    /// <summary>Whether the tensors of the next reply are to be arrays.</summary>
    public bool ExpectsArrays => expectsArrays;

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
            // An instruction that was cut off in its middle cannot be followed by a goodbye.
            if (writing) return Answer.Failed(FailureReason.Disconnected, "cannot be asked any more");
            pending?.TrySetResult(null);
            (pending, writing) = (reply, true);
            expectsArrays = instruction is not FitInstructions { Parameters.HasArrays: false };
        }
        try
        {
            bytes = await responses.WriteAsync(instruction, cancellation).ConfigureAwait(false);
            writing = false;
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or IOException
            || exception is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return Answer.Failed(FailureReason.Disconnected, "left before it was asked");
        }
        if (await reply.Task.WaitAsync(cancellation).ConfigureAwait(false) is not { } answer)
        {
            return Answer.Failed(FailureReason.Disconnected, "left before it answered", bytes);
        }
        bytes += answer.Bytes;
        if (GoodbyeSaid) Close(Status.DefaultSuccess);
        try
        {
            return new(answer.Take(), null, bytes);
        }
        catch (FormatException exception)
        {
            return Answer.Failed(FailureReason.Malformed, exception.Message, bytes);
        }
    }

    public void Abort(string reason) => Close(new(StatusCode.DeadlineExceeded, reason));

    /// <summary>Asks the handler to end the stream; the first status given counts.</summary>
    public void Close(Status status) => closed.TrySetResult(status);

    /// <summary>Takes a message from the stream; false when no instruction waits for one.</summary>
    public bool Deliver(Frame<Reply> message) => TakePending(false)?.TrySetResult(message) ?? false;

    /// <summary>The stream has ended: whoever waits for a reply, or asks later, gets none.</summary>
    public void End() => TakePending(true)?.TrySetResult(null);

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
