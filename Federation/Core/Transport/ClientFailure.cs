namespace ManagedFed.Federation;

/// <summary>Why a client's answer did not count.</summary>
public enum FailureReason
{
    /// <summary>The client left, or its connection broke.</summary>
    Disconnected,

    /// <summary>The client did not answer within the round's timeout; its stream was ended.</summary>
    TimedOut,

    /// <summary>The client answered that it does not do this, or that it failed.</summary>
    Declined,

    /// <summary>The client answered something else than it was asked.</summary>
    Unexpected,

    /// <summary>The answer could not be decoded.</summary>
    Malformed,

    /// <summary>The tensors are of another type than the model's.</summary>
    TensorType,

    /// <summary>The update has more or fewer tensors than the model.</summary>
    TensorCount,

    /// <summary>A tensor has another shape than the model's.</summary>
    Shape,

    /// <summary>A tensor has another element type than the model's.</summary>
    DType,

    /// <summary>A tensor or the loss holds NaN, an infinity or a value too large to be averaged.</summary>
    NotFinite,

    /// <summary>The count of examples is not positive, or absurd.</summary>
    NumExamples,

    /// <summary>A metric that the strategy weighs by is missing or outside its range.</summary>
    Metric,

    /// <summary>An array that is never negative, such as a running variance, is.</summary>
    Negative,

    /// <summary>The strategy threw when it was given the update.</summary>
    Aggregation,

    /// <summary>The update leads farther from the model than the round's limit, see <see cref="UpdateLimits.Zeroing"/>.</summary>
    Norm,
}

/// <summary>A client's answer that does not count, and why.</summary>
/// <param name="Client">The client.</param>
/// <param name="Reason">Why.</param>
/// <param name="Message">The same in words, with the values at fault.</param>
public sealed record ClientFailure(ClientInfo Client, FailureReason Reason, string Message);

/// <summary>What is wrong with an update.</summary>
/// <param name="Reason">The kind of fault.</param>
/// <param name="Message">The same in words, with the values at fault.</param>
public sealed record Refusal(FailureReason Reason, string Message);

/// <summary>Who a connected client is; the connection is the identity, so one that comes back is another client.</summary>
/// <param name="Id">A random id of 32 hexadecimal digits.</param>
/// <param name="Peer">Where it is.</param>
public sealed record ClientInfo(string Id, string Peer)
{
    /// <summary>
    /// A name that is the same in every run and whenever the client comes back, such as its place in a simulation or its node's key; null
    /// where the wire gives none. Clients are ordered by it, so that a seed chooses the same ones in whatever order they join.
    /// </summary>
    public string? StableName { get; init; }

    /// <summary>The first eight digits of the id, for people.</summary>
    public string Name => Id[..Math.Min(8, Id.Length)];

    /// <summary>A new identity.</summary>
    internal static ClientInfo Create(string peer, string? stableName = null) => new(Guid.NewGuid().ToString("N"), peer) { StableName = stableName };

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Peer})";
}
