namespace ManagedFed.Federation;

/// <summary>What a server asks of a client.</summary>
public abstract record Instruction
{
    private protected Instruction()
    {
    }

    /// <summary>The round it belongs to, for the wire that tells clients so; null outside of rounds.</summary>
    internal int? Round { get; init; }
}

/// <summary>Asks for facts about the client.</summary>
/// <param name="Config">Values for the client.</param>
public sealed record GetPropertiesInstructions(IReadOnlyDictionary<string, Scalar> Config) : Instruction;

/// <summary>Asks for the client's model.</summary>
/// <param name="Config">Values for the client.</param>
public sealed record GetParametersInstructions(IReadOnlyDictionary<string, Scalar> Config) : Instruction;

/// <summary>Asks to train.</summary>
/// <param name="Parameters">The model to start from.</param>
/// <param name="Config">Values for the client.</param>
public sealed record FitInstructions(Parameters Parameters, IReadOnlyDictionary<string, Scalar> Config) : Instruction;

/// <summary>Asks to evaluate.</summary>
/// <param name="Parameters">The model to evaluate.</param>
/// <param name="Config">Values for the client.</param>
public sealed record EvaluateInstructions(Parameters Parameters, IReadOnlyDictionary<string, Scalar> Config) : Instruction;

/// <summary>Asks to leave.</summary>
/// <param name="Seconds">When positive, the client is to come back after so many seconds.</param>
public sealed record ReconnectInstructions(long Seconds) : Instruction;

/// <summary>How a client did what it was asked; the numbers are the wire's.</summary>
public enum ResultCode
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The client has no properties to give, or failed to.</summary>
    GetPropertiesNotImplemented = 1,

    /// <summary>The client has no parameters to give, or failed to.</summary>
    GetParametersNotImplemented = 2,

    /// <summary>The client does not train, or failed to.</summary>
    FitNotImplemented = 3,

    /// <summary>The client does not evaluate, or failed to.</summary>
    EvaluateNotImplemented = 4,
}

/// <summary>A result code and its sentence.</summary>
/// <param name="Code">The code.</param>
/// <param name="Message">The sentence; <c>Success</c> when all is well.</param>
public sealed record ResultStatus(ResultCode Code, string Message)
{
    /// <summary>Done.</summary>
    public static ResultStatus Success { get; } = new(ResultCode.Ok, nameof(Success));
}

/// <summary>What a client answers.</summary>
public abstract record Reply
{
    private protected Reply()
    {
    }
}

/// <summary>An answer with a status; when that is not <see cref="ResultCode.Ok"/>, the other values are empty.</summary>
/// <param name="Status">How it went.</param>
public abstract record Result(ResultStatus Status) : Reply;

/// <summary>Facts about the client.</summary>
/// <param name="Status">How it went.</param>
/// <param name="Properties">The facts.</param>
public sealed record GetPropertiesResult(ResultStatus Status, IReadOnlyDictionary<string, Scalar> Properties) : Result(Status);

/// <summary>The client's model.</summary>
/// <param name="Status">How it went.</param>
/// <param name="Parameters">The model.</param>
public sealed record GetParametersResult(ResultStatus Status, Parameters Parameters) : Result(Status);

/// <summary>A trained model.</summary>
/// <param name="Status">How it went.</param>
/// <param name="Parameters">The model after training.</param>
/// <param name="NumExamples">The examples trained on: the model's weight in the mean.</param>
/// <param name="Metrics">Measured values.</param>
public sealed record FitResult(ResultStatus Status, Parameters Parameters, long NumExamples, IReadOnlyDictionary<string, Scalar> Metrics)
    : Result(Status)
{
    /// <summary>Whose it is, for the log; null where that does not matter.</summary>
    internal string? From { get; init; }
}

/// <summary>A model's loss on the client's data.</summary>
/// <param name="Status">How it went.</param>
/// <param name="Loss">The loss; 32 bits on the wire.</param>
/// <param name="NumExamples">The examples evaluated on: the loss's weight in the mean.</param>
/// <param name="Metrics">Measured values.</param>
public sealed record EvaluateResult(ResultStatus Status, float Loss, long NumExamples, IReadOnlyDictionary<string, Scalar> Metrics)
    : Result(Status)
{
    /// <summary>False where an app over records reports no loss; it is then NaN.</summary>
    internal bool HasLoss { get; init; } = true;
}

/// <summary>Why a client leaves; the numbers are the wire's.</summary>
public enum DisconnectReason
{
    /// <summary>Not said.</summary>
    Unknown = 0,

    /// <summary>The server asked for it.</summary>
    Reconnect = 1,

    /// <summary>The device lost its charger.</summary>
    PowerDisconnected = 2,

    /// <summary>The device lost its wireless network.</summary>
    WifiUnavailable = 3,

    /// <summary>The server's wish was heard.</summary>
    Ack = 4,
}

/// <summary>The client's goodbye.</summary>
/// <param name="Reason">Why.</param>
public sealed record DisconnectResult(DisconnectReason Reason) : Reply;
