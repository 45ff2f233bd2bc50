namespace ManagedFed.Federation;

/// <summary>What came back for an instruction: a reply, or why there is none.</summary>
/// <param name="Reply">The reply; null when there is a failure.</param>
/// <param name="Failure">The failure; null when there is a reply.</param>
/// <param name="Bytes">The bytes of the instruction and of the reply together.</param>
/// <param name="Share">What the reply holds of the memory of all replies, for whoever is done with it to dispose; null when it is not counted.</param>
internal readonly record struct Answer(Reply? Reply, Refusal? Failure, long Bytes, IDisposable? Share = null)
{
    public static Answer Failed(FailureReason reason, string message, long bytes = 0) => new(null, new(reason, message), bytes);
}

/// <summary>The server's view of one connected client: the seam between the round loop and a transport.</summary>
internal interface IClientConnection
{
    ClientInfo Info { get; }

    /// <summary>Sends one instruction and waits for its reply; never two at once. A lost client is a failure, not an exception.</summary>
    /// <exception cref="OperationCanceledException">
    /// The token was cancelled; the connection is then good for <see cref="Abort"/> or goodbye alone: a reply that comes late is dropped.
    /// </exception>
    Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation);

    /// <summary>Ends the connection because the client took too long.</summary>
    void Abort(string reason);
}
