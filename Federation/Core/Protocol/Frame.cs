using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>A message of the bidirectional stream as gRPC carries it, and what its bytes were.</summary>
/// <typeparam name="T"><see cref="Instruction"/> or <see cref="Reply"/>.</typeparam>
internal sealed class Frame<T> where T : class
{
    private T? message;

    /// <summary>A message to send, or that was read from so many bytes.</summary>
    public Frame(T message, long bytes = 0) => (this.message, Bytes) = (message, bytes);

    /// <summary>Bytes that are a message of the protocol, but hold something that cannot be read.</summary>
    public Frame(string problem, long bytes) => (Problem, Bytes) = (problem, bytes);

    /// <summary>What is wrong with the message; null when nothing is.</summary>
    public string? Problem { get; }

    /// <summary>The length of the message, once it was read or written.</summary>
    public long Bytes { get; set; }

    /// <summary>The message, which this lets go of: gRPC holds on to the last frame it read, and its tensors are not needed twice.</summary>
    /// <exception cref="FormatException">The message could not be read.</exception>
    public T Take() => Interlocked.Exchange(ref message, null) ?? throw new FormatException(Problem ?? "[wire] the message was taken before");

    /// <summary>The message, for a writer.</summary>
    public T Message => message ?? throw new InvalidOperationException("[wire] the message was taken before");
}

/// <summary>Flower's one method, with tensors written from arrays and read into them without a copy in between.</summary>
internal static class JoinMethod
{
    public static readonly Method<Frame<Reply>, Frame<Instruction>> Definition = new(
        MethodType.DuplexStreaming, "flwr.proto.FlowerService", "Join",
        Marshallers.Create<Frame<Reply>>((frame, context) => frame.Bytes = Write(FramePlan.Of(frame.Message), context), FrameReader.ReadReply),
        Marshallers.Create<Frame<Instruction>>((frame, context) => frame.Bytes = Write(FramePlan.Of(frame.Message), context), FrameReader.ReadInstruction));

    private static int Write(FramePlan plan, SerializationContext context)
    {
        context.SetPayloadLength(plan.Length);
        plan.WriteTo(context.GetBufferWriter());
        context.Complete();
        return plan.Length;
    }
}
