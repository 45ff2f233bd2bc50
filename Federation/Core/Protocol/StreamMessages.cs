using System.Buffers;

namespace ManagedFed.Federation;

/// <summary>What a field holds: which of the <see cref="MessageParts"/> it is read into and written from, and what limits it.</summary>
internal enum FieldKind
{
    /// <summary>Code and sentence; counts as one value.</summary>
    Status,

    /// <summary>Tensors and their type: <see cref="ReplyAllowance.Tensors"/> and <see cref="ReplyAllowance.TensorBytes"/>.</summary>
    Parameters,

    /// <summary>An entry of a map of scalars: <see cref="ReplyAllowance.Metrics"/> and <see cref="ReplyAllowance.MetricsBytes"/>.</summary>
    Values,

    /// <summary>A signed integer of 64 bits; 0 is not written.</summary>
    Number,

    /// <summary>A floating-point number of 32 bits; 0 is not written.</summary>
    Loss,
}

/// <summary>What any message of the stream is made of; null, or 0, is what it has not.</summary>
internal sealed class MessageParts
{
    public ResultStatus? Status { get; set; }

    public Parameters? Parameters { get; set; }

    public IReadOnlyDictionary<string, Scalar>? Values { get; set; }

    public long Number { get; set; }

    public float Loss { get; set; }
}

/// <summary>One kind of message: the field that it is of the message on the wire, and its own fields.</summary>
/// <param name="Number">Its field's number.</param>
/// <param name="Take">A message's parts; null of a message of another kind.</param>
/// <param name="Make">The message of some parts.</param>
/// <param name="Fields">Its fields in their order on the wire.</param>
internal sealed record MessageRow<T>(int Number, Func<T, MessageParts?> Take, Func<MessageParts, T> Make, params (int Number, FieldKind Kind)[] Fields) where T : class
{
    /// <summary>What a field of this number holds; null when it has none.</summary>
    public FieldKind? Find(int number)
    {
        foreach (var field in Fields)
        {
            if (field.Number == number) return field.Kind;
        }
        return null;
    }
}

/// <summary>The messages that go one way.</summary>
/// <param name="Name">What they are called.</param>
/// <param name="Rows">Their kinds.</param>
internal sealed record MessageTable<T>(string Name, params MessageRow<T>[] Rows) where T : class
{
    /// <summary>A whole message as bytes.</summary>
    public byte[] Write(T message)
    {
        var plan = MessagePlan.Of(this, message);
        var bytes = new ArrayBufferWriter<byte>(plan.Length);
        plan.WriteTo(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>A message all of whose bytes are there.</summary>
    /// <param name="bytes">The message.</param>
    /// <param name="allowance">What it may hold; null for what any instruction may.</param>
    /// <exception cref="BrokenMessageException">The bytes are no message.</exception>
    public Frame<T> Read(in ReadOnlySequence<byte> bytes, ReplyAllowance? allowance = null)
    {
        var reader = new MessageReader<T>(this, bytes.Length, allowance ?? ReplyAllowance.Instruction);
        reader.Read(bytes);
        return reader.Finish();
    }

    /// <summary>The kind with a field's number; null when there is none.</summary>
    public MessageRow<T>? Find(int number)
    {
        foreach (var row in Rows)
        {
            if (row.Number == number) return row;
        }
        return null;
    }
}

/// <summary>
/// Flower's bidirectional stream (flwr 1.0 to 1.30), every message and field of it: the server instructs, the client answers, one message
/// at a time. A result whose status is not OK carries its status alone, as Flower writes it.
/// </summary>
internal static class StreamMessages
{
    /// <summary>The path of the one method.</summary>
    public const string Service = "flwr.proto.FlowerService", Method = "Join";

    public static readonly MessageTable<Instruction> Instructions = new(
        "instruction",
        new(1, message => message is ReconnectInstructions reconnect ? new() { Number = reconnect.Seconds } : null,
            parts => new ReconnectInstructions(parts.Number), (1, FieldKind.Number)),
        new(2, message => message is GetPropertiesInstructions get ? new() { Values = get.Config } : null,
            parts => new GetPropertiesInstructions(parts.Values!), (1, FieldKind.Values)),
        new(3, message => message is GetParametersInstructions get ? new() { Values = get.Config } : null,
            parts => new GetParametersInstructions(parts.Values!), (1, FieldKind.Values)),
        new(4, message => message is FitInstructions fit ? new() { Parameters = fit.Parameters, Values = fit.Config } : null,
            parts => new FitInstructions(parts.Parameters!, parts.Values!), (1, FieldKind.Parameters), (2, FieldKind.Values)),
        new(5, message => message is EvaluateInstructions evaluate ? new() { Parameters = evaluate.Parameters, Values = evaluate.Config } : null,
            parts => new EvaluateInstructions(parts.Parameters!, parts.Values!), (1, FieldKind.Parameters), (2, FieldKind.Values)));

    public static readonly MessageTable<Reply> Replies = new(
        "reply",
        new(1, message => message is DisconnectResult disconnect ? new() { Number = (int)disconnect.Reason } : null,
            parts => new DisconnectResult((DisconnectReason)(int)parts.Number), (1, FieldKind.Number)),
        new(2, message => message is GetPropertiesResult get ? Failed(get) ?? new() { Status = get.Status, Values = get.Properties } : null,
            parts => new GetPropertiesResult(parts.Status!, parts.Values!), (1, FieldKind.Status), (2, FieldKind.Values)),
        new(3, message => message is GetParametersResult get ? Failed(get) ?? new() { Status = get.Status, Parameters = get.Parameters } : null,
            parts => new GetParametersResult(parts.Status!, parts.Parameters!), (1, FieldKind.Status), (2, FieldKind.Parameters)),
        new(4, message => message is FitResult fit
                ? Failed(fit) ?? new() { Status = fit.Status, Parameters = fit.Parameters, Number = fit.NumExamples, Values = fit.Metrics } : null,
            parts => new FitResult(parts.Status!, parts.Parameters!, parts.Number, parts.Values!),
            (1, FieldKind.Status), (2, FieldKind.Parameters), (3, FieldKind.Number), (4, FieldKind.Values)),
        new(5, message => message is EvaluateResult evaluate
                ? Failed(evaluate) ?? new() { Status = evaluate.Status, Loss = evaluate.Loss, Number = evaluate.NumExamples, Values = evaluate.Metrics } : null,
            parts => new EvaluateResult(parts.Status!, parts.Loss, parts.Number, parts.Values!),
            (1, FieldKind.Status), (2, FieldKind.Loss), (3, FieldKind.Number), (4, FieldKind.Values)));

    private static MessageParts? Failed(Result result) => result.Status.Code == ResultCode.Ok ? null : new() { Status = result.Status };
}
