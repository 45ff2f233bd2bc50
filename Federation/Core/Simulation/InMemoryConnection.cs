namespace ManagedFed.Federation;

/// <summary>A client in the server's own process.</summary>
/// <param name="info">Who it is.</param>
/// <param name="runner">The client.</param>
/// <param name="throughCodec">True to pass every message through the wire's bytes, false to copy the records.</param>
internal sealed class InMemoryConnection(ClientInfo info, InstructionRunner runner, bool throughCodec) : IClientConnection, IDisposable
{
    private readonly CancellationTokenSource gone = new();

    public ClientInfo Info => info;

    public async Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation)
    {
        if (gone.IsCancellationRequested) return Answer.Failed(FailureReason.Disconnected, "left");
        if (instruction is ReconnectInstructions)
        {
            // Work that nobody waits for any more is stopped.
            await gone.CancelAsync().ConfigureAwait(false);
            return new(new DisconnectResult(DisconnectReason.Reconnect), null, 0);
        }
        if (!throughCodec)
        {
            var direct = await RunAsync(runner.SharesArrays ? instruction : instruction.Own()).WaitAsync(cancellation).ConfigureAwait(false);
            return new(direct, null, BytesOf(instruction) + BytesOf(direct));
        }
        var asked = StreamMessages.Instructions.Write(instruction);
        instruction = StreamMessages.Instructions.Read(new(asked)).Take() with { Round = instruction.Round };
        var reply = await runner.RunAsync(instruction, gone.Token).WaitAsync(cancellation).ConfigureAwait(false);
        var answered = StreamMessages.Replies.Write(reply);
        return new(StreamMessages.Replies.Read(new(answered)).Take(), null, asked.Length + answered.Length);
    }

    public void Abort(string reason) => gone.Cancel();

    /// <summary>The client's answer, copied before it can change it.</summary>
    private async Task<Reply> RunAsync(Instruction instruction)
    {
        var reply = await runner.RunAsync(instruction, gone.Token).ConfigureAwait(false);
        return runner.SharesArrays ? reply : reply.Own();
    }

    public void Dispose()
    {
        gone.Cancel();
        gone.Dispose();
    }

    private static long BytesOf(object message) => message switch
    {
        FitInstructions { Parameters: var parameters } => BytesOf(parameters),
        EvaluateInstructions { Parameters: var parameters } => BytesOf(parameters),
        FitResult { Parameters: var parameters } => BytesOf(parameters),
        GetParametersResult { Parameters: var parameters } => BytesOf(parameters),
        Parameters { HasArrays: true } parameters => parameters.Arrays.Sum(array => array.ByteCount),
        Parameters parameters => parameters.Payloads.Sum(payload => (long)payload.Length),
        _ => 0,
    };
}
