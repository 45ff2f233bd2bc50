using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>Where instructions go: the seam between a client's stream and what carries it.</summary>
internal interface IInstructionWriter
{
    /// <summary>Writes one instruction and says how many bytes it was.</summary>
    Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation);
}

/// <summary>
/// The messages of one call over the pipes of its request and response, with gRPC's five bytes before each. Large ones pass in
/// parts, so that the memory of a message is its arrays' and little more, and a slow peer holds up nobody else.
/// </summary>
/// <remarks>Framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message".</remarks>
/// <param name="reader">Where replies come from.</param>
/// <param name="writer">Where instructions go.</param>
/// <param name="memory">Counts the bytes of replies that arrive; null for no count.</param>
internal sealed class FramePipe(PipeReader reader, PipeWriter writer, ReplyMemory? memory = null) : IInstructionWriter
{
    private const int Prefix = 5, Part = 256 << 10;

    /// <summary>Messages up to here are read whole; of larger ones the tensors go to their arrays as they arrive.</summary>
    private const int Whole = 1 << 20;

    /// <summary>Messages up to here are not counted among those that arrive at the same time.</summary>
    private const int Small = 64 << 10;

    private long message, arrived;
    private volatile bool arriving;

    /// <summary>Which message is arriving, and how much of it has come; null between messages.</summary>
    public (long Message, long Bytes)? Arriving => arriving ? (Volatile.Read(ref message), Volatile.Read(ref arrived)) : null;

    /// <exception cref="IOException">The peer is gone.</exception>
    /// <exception cref="MessageTooLongException">The message would be 2 GiB or longer; nothing of it was written.</exception>
    public async Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation)
    {
        var plan = FramePlan.Of(instruction);
        var length = plan.Length;
        var prefix = writer.GetMemory(Prefix);
        prefix.Span[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix.Span[1..], length);
        writer.Advance(Prefix);
        if (length <= Part)
        {
            plan.WriteTo(writer);
        }
        else
        {
            writer.Write(plan.Head);
            for (var i = 0; i < plan.Tensors.Count; i++)
            {
                plan.WriteTensorHead(writer, i);
                await WriteTensorAsync(plan.Tensors, i, cancellation).ConfigureAwait(false);
            }
            writer.Write(plan.Tail);
        }
        await FlushAsync(cancellation).ConfigureAwait(false);
        return length;
    }

    private async Task WriteTensorAsync(Parameters tensors, int index, CancellationToken cancellation)
    {
        if (!tensors.HasArrays)
        {
            tensors.WriteTensor(index, writer);
            return;
        }
        var array = tensors.Arrays[index].Contiguous();
        writer.Write(NpyHeader.Format(array.Shape, array.DType));
        for (var start = 0L; start < array.ByteCount; start += Part)
        {
            writer.Write(array.Bytes.Slice((int)start, (int)Math.Min(Part, array.ByteCount - start)));
            await FlushAsync(cancellation).ConfigureAwait(false);
        }
        GC.KeepAlive(array);
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        var result = await writer.FlushAsync(cancellation).ConfigureAwait(false);
        if (result.IsCompleted || result.IsCanceled) throw new IOException("[wire] the peer reads no more");
    }

    /// <summary>The next reply; null when the peer has closed its side. One that is larger than allowed is read over.</summary>
    /// <param name="expected">Asked once a message has begun: what it may hold.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RpcException">What the peer sends is no message; there is no way to find the next one's start.</exception>
    /// <exception cref="IOException">The connection is lost.</exception>
    public async Task<Frame<Reply>?> ReadAsync(Func<ReplyAllowance> expected, CancellationToken cancellation)
    {
        var result = await reader.ReadAtLeastAsync(Prefix, cancellation).ConfigureAwait(false);
        if (result.Buffer.IsEmpty && result.IsCompleted) return null;
        if (result.Buffer.Length < Prefix) throw new IOException("[wire] the stream ends inside a message");
        var length = ReadPrefix(result.Buffer.Slice(0, Prefix));
        reader.AdvanceTo(result.Buffer.GetPosition(Prefix));
        var allowance = expected();
        using var share = memory?.Open();
        try
        {
            var problem = allowance.Problem(length);
            // Waiting for the other replies is not the peer's slowness.
            if (problem is null && share is not null && length > Small) await share.TakeAsync(length, cancellation).ConfigureAwait(false);
            Arrived(0);
            Interlocked.Increment(ref message);
            arriving = true;
            return problem is null ? await ReadAsync(length, allowance, cancellation).ConfigureAwait(false)
                : await SkipAsync(length, problem, cancellation).ConfigureAwait(false);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new RpcException(new(StatusCode.Internal, exception.Message));
        }
        finally
        {
            arriving = false;
        }
    }

    private async Task<Frame<Reply>> ReadAsync(int length, ReplyAllowance allowance, CancellationToken cancellation)
    {
        if (length == 0) return FrameReader.ReadReply(ReadOnlySequence<byte>.Empty, allowance);
        if (length > Whole && allowance.Arrays) return await new LargeReplyReader(reader, length, allowance, Arrived, cancellation).ReadAsync().ConfigureAwait(false);
        while (true)
        {
            var result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            Arrived(result.Buffer.Length);
            if (result.Buffer.Length < length)
            {
                if (result.IsCompleted) throw new IOException("[wire] the stream ends inside a message");
                reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                continue;
            }
            var payload = result.Buffer.Slice(0, length);
            var frame = FrameReader.ReadReply(payload, allowance);
            reader.AdvanceTo(payload.End);
            return frame;
        }
    }

    private void Arrived(long bytes) => Volatile.Write(ref arrived, bytes);

    private async Task<Frame<Reply>> SkipAsync(long length, string problem, CancellationToken cancellation)
    {
        for (var left = length; left > 0;)
        {
            var result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            var taken = Math.Min(left, result.Buffer.Length);
            left -= taken;
            reader.AdvanceTo(result.Buffer.GetPosition(taken));
            Arrived(length - left);
            if (result.IsCompleted && left > 0) throw new IOException("[wire] the stream ends inside a message");
        }
        return new(problem, length);
    }

    private static int ReadPrefix(in ReadOnlySequence<byte> prefix)
    {
        Span<byte> bytes = stackalloc byte[Prefix];
        prefix.CopyTo(bytes);
        if (bytes[0] != 0) throw new RpcException(new(StatusCode.Unimplemented, "Compressed messages are not understood."));
        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
        return length <= int.MaxValue ? (int)length : throw new RpcException(new(StatusCode.ResourceExhausted, "A message is longer than 2 GiB."));
    }
}
