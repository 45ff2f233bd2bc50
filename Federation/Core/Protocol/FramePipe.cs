using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>Where instructions go: the seam between a client's stream and what carries it.</summary>
internal interface IInstructionWriter
{
    /// <summary>Writes one instruction and says how many bytes it was.</summary>
    Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation);
}

/// <summary>
/// The messages of one call over the pipes of its two directions, with gRPC's five bytes before each. They pass in parts, so that the
/// memory of a message is its arrays' and little more, and a slow peer holds up nobody else.
/// </summary>
/// <remarks>Framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message".</remarks>
/// <param name="incoming">The messages that arrive.</param>
/// <param name="outgoing">The messages that are written.</param>
/// <param name="reader">Where messages come from.</param>
/// <param name="writer">Where messages go.</param>
/// <param name="pace">Ends a call whose messages stand still; null to wait for ever.</param>
/// <param name="memory">Counts the bytes of messages that arrive; null for no count.</param>
internal class FramePipe<TIn, TOut>(
    MessageTable<TIn> incoming, MessageTable<TOut> outgoing, PipeReader reader, PipeWriter writer, Pace? pace = null, ReplyMemory? memory = null)
    where TIn : class where TOut : class
{
    private const int Prefix = 5;

    /// <summary>Messages up to here are not counted among those that arrive at the same time.</summary>
    private const int Small = 64 << 10;

    /// <summary>Messages above this are worth looking for memory.</summary>
    private const int Large = 1 << 20;

    private long arrived;

    /// <exception cref="IOException">The peer is gone.</exception>
    /// <exception cref="MessageTooLongException">The message would be 2 GiB or longer; nothing of it was written.</exception>
    public async Task<long> WriteAsync(TOut message, CancellationToken cancellation)
    {
        var plan = MessagePlan.Of(outgoing, message);
        var length = plan.Length;
        var prefix = writer.GetMemory(Prefix);
        prefix.Span[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix.Span[1..], length);
        writer.Advance(Prefix);
        await plan.WriteAsync(writer, cancellation).ConfigureAwait(false);
        return length;
    }

    /// <summary>The next message; null when the peer has closed its side. One that is larger than allowed is read over.</summary>
    /// <param name="expected">Asked once a message has begun: what it may hold.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RpcException">What the peer sends is no message; there is no way to find the next one's start.</exception>
    /// <exception cref="IOException">The connection is lost.</exception>
    public async Task<Frame<TIn>?> ReadAsync(Func<ReplyAllowance> expected, CancellationToken cancellation)
    {
        var result = await reader.ReadAtLeastAsync(1, cancellation).ConfigureAwait(false);
        if (result.Buffer.IsEmpty) return null;
        Volatile.Write(ref arrived, result.Buffer.Length);
        using var prefixPace = result.Buffer.Length < Prefix ? Watch() : null;
        if (result.Buffer.Length < Prefix)
        {
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            result = await reader.ReadAtLeastAsync(Prefix, cancellation).ConfigureAwait(false);
            if (result.Buffer.Length < Prefix) throw Ends();
        }
        prefixPace?.Dispose();
        var length = ReadPrefix(result.Buffer.Slice(0, Prefix));
        reader.AdvanceTo(result.Buffer.GetPosition(Prefix));
        var allowance = expected();
        var message = new MessageReader<TIn>(incoming, length, allowance);
        if (allowance.Problem(length) is { } problem) message.Refuse(problem);
        // Where one message is worked on after the other, the memory of the one before is there for the next once it is found dropped.
        else if (memory is null && length > Large) BlockPool.Shared.Reclaim();
        // Waiting for the other replies is not the peer's slowness.
        else if (memory is not null && length > Small)
        {
            var share = memory.Open();
            try
            {
                await share.TakeAsync(length, cancellation).ConfigureAwait(false);
                var frame = await ReadAsync(message, cancellation).ConfigureAwait(false);
                frame.Share = share;
                return frame;
            }
            catch
            {
                share.Dispose();
                throw;
            }
        }
        return await ReadAsync(message, cancellation).ConfigureAwait(false);
    }

    private async Task<Frame<TIn>> ReadAsync(MessageReader<TIn> message, CancellationToken cancellation)
    {
        Volatile.Write(ref arrived, 0);
        PaceWatch? watch = null;
        try
        {
            while (!message.IsDone)
            {
                var result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
                var taken = message.Read(result.Buffer);
                var place = result.Buffer.GetPosition(taken);
                Volatile.Write(ref arrived, message.Taken + (message.IsDone ? 0 : result.Buffer.Length - taken));
                reader.AdvanceTo(place, message.IsDone ? place : result.Buffer.End);
                if (message.IsDone) break;
                if (result.IsCompleted) throw Ends();
                watch ??= Watch();
            }
            return message.Finish();
        }
        catch (BrokenMessageException exception)
        {
            throw new RpcException(new(StatusCode.Internal, exception.Message));
        }
        finally
        {
            watch?.Dispose();
        }
    }

    private PaceWatch? Watch() => pace?.Watch(() => Volatile.Read(ref arrived));

    private static IOException Ends() => new("[wire] the stream ends inside a message");

    private static int ReadPrefix(in ReadOnlySequence<byte> prefix)
    {
        Span<byte> bytes = stackalloc byte[Prefix];
        prefix.CopyTo(bytes);
        if (bytes[0] != 0) throw new RpcException(new(StatusCode.Unimplemented, "Compressed messages are not understood."));
        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
        return length <= int.MaxValue ? (int)length : throw new RpcException(new(StatusCode.ResourceExhausted, "A message is longer than 2 GiB."));
    }
}

/// <summary>The server's end: replies come, instructions go.</summary>
internal sealed class FramePipe(PipeReader reader, PipeWriter writer, ReplyMemory? memory = null, Pace? pace = null)
    : FramePipe<Reply, Instruction>(StreamMessages.Replies, StreamMessages.Instructions, reader, writer, pace, memory), IInstructionWriter;
