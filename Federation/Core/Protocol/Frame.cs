namespace ManagedFed.Federation;

/// <summary>A message of the bidirectional stream that was read, and what its bytes were.</summary>
/// <typeparam name="T"><see cref="Instruction"/> or <see cref="Reply"/>.</typeparam>
internal sealed class Frame<T> where T : class
{
    private T? message;

    /// <summary>A message that was read from so many bytes.</summary>
    public Frame(T message, long bytes = 0) => (this.message, Bytes) = (message, bytes);

    /// <summary>Bytes that are a message of the protocol, but hold something that cannot be read.</summary>
    public Frame(string problem, long bytes) => (Problem, Bytes) = (problem, bytes);

    /// <summary>What is wrong with the message; null when nothing is.</summary>
    public string? Problem { get; }

    /// <summary>The length of the message.</summary>
    public long Bytes { get; }

    /// <summary>What the message holds of the memory that its like may take together, until it is disposed; null when it is not counted.</summary>
    public IDisposable? Share { get; set; }

    /// <summary>The message, which this lets go of: its tensors are not needed twice.</summary>
    /// <exception cref="FormatException">The message could not be read.</exception>
    public T Take() => Interlocked.Exchange(ref message, null) ?? throw new FormatException(Problem ?? "[wire] the message was taken before");
}
