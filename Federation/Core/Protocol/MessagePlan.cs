using System.Buffers;
using System.IO.Pipelines;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>A message ready to be written: some bytes, the tensors in the middle of it, and what follows them.</summary>
/// <remarks>Tensors go from their arrays to the writer's buffer without being bytes of their own before.</remarks>
internal sealed class MessagePlan
{
    private const int Tensor = 1, TensorType = 2;

    /// <summary>The bytes that are written before the reader is waited for: fewer of messages that very many clients are sent at once.</summary>
    private int Part => Bytes <= 1 << 20 ? 64 << 10 : 256 << 10;

    private readonly ArrayBufferWriter<byte> head = new(), tail = new();
    private readonly Parameters tensors = Parameters.Empty;

    private MessagePlan(MessageParts parts, int kind, IReadOnlyList<(int Number, FieldKind Kind)> fields)
    {
        var before = new ArrayBufferWriter<byte>();
        (int Number, long Length)? middle = null;
        foreach (var (number, field) in fields)
        {
            if (field != FieldKind.Parameters) Write(middle is null ? before : tail, parts, number, field);
            else if (parts.Parameters is { } parameters)
            {
                tensors = parameters;
                if (parameters.TensorType.Length > 0) tail.WriteText(TensorType, parameters.TensorType);
                middle = (number, TensorBytes + tail.WrittenCount);
            }
        }
        var after = middle is null ? 0 : TensorBytes + tail.WrittenCount - middle.Value.Length;
        head.WriteHead(kind, before.WrittenCount + (middle is null ? 0 : FieldWriter.LengthOf(middle.Value.Length)) + after);
        head.Write(before.WrittenSpan);
        if (middle is { } place) head.WriteHead(place.Number, place.Length);
        Bytes = head.WrittenCount + TensorBytes + tail.WrittenCount;
    }

    /// <summary>The bytes of the message.</summary>
    public long Bytes { get; }

    /// <summary>The bytes of a message that can be sent.</summary>
    /// <exception cref="MessageTooLongException">There are 2 GiB or more.</exception>
    public int Length => Bytes <= int.MaxValue ? (int)Bytes : throw new MessageTooLongException(Bytes);

    /// <exception cref="ArgumentException">The message has no place in the table, or a value is a list.</exception>
    public static MessagePlan Of<T>(MessageTable<T> table, T message) where T : class
    {
        foreach (var row in table.Rows)
        {
            if (row.Take(message) is { } parts) return new(parts, row.Number, row.Fields);
        }
        throw new ArgumentException($"[wire] {message.GetType().Name} has no place in the table of {table.Name}s");
    }

    /// <summary>Writes the whole message.</summary>
    public void WriteTo(IBufferWriter<byte> writer)
    {
        writer.Write(head.WrittenSpan);
        for (var i = 0; i < tensors.Count; i++)
        {
            writer.WriteHead(Tensor, tensors.TensorLength(i));
            tensors.WriteTensor(i, writer);
        }
        writer.Write(tail.WrittenSpan);
    }

    /// <summary>Writes the message part by part, each once the reader has taken the one before.</summary>
    /// <exception cref="IOException">The reader takes no more.</exception>
    public async Task WriteAsync(PipeWriter writer, CancellationToken cancellation)
    {
        if (Bytes <= Part)
        {
            WriteTo(writer);
            await FlushAsync(writer, cancellation).ConfigureAwait(false);
            return;
        }
        writer.Write(head.WrittenSpan);
        for (var i = 0; i < tensors.Count; i++)
        {
            writer.WriteHead(Tensor, tensors.TensorLength(i));
            await WriteTensorAsync(writer, i, cancellation).ConfigureAwait(false);
        }
        writer.Write(tail.WrittenSpan);
        await FlushAsync(writer, cancellation).ConfigureAwait(false);
    }

    private async Task WriteTensorAsync(PipeWriter writer, int index, CancellationToken cancellation)
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
            await FlushAsync(writer, cancellation).ConfigureAwait(false);
        }
        GC.KeepAlive(array);
    }

    private static async ValueTask FlushAsync(PipeWriter writer, CancellationToken cancellation)
    {
        var result = await writer.FlushAsync(cancellation).ConfigureAwait(false);
        if (result.IsCompleted || result.IsCanceled) throw new IOException("[wire] the peer reads no more");
    }

    private static void Write(IBufferWriter<byte> message, MessageParts parts, int number, FieldKind field)
    {
        switch (field)
        {
            case FieldKind.Status when parts.Status is { } status: MessageFields.WriteStatus(message, number, status); break;
            case FieldKind.Values when parts.Values is { } values: MessageFields.WriteValues(message, number, values); break;
            case FieldKind.Number when parts.Number != 0: message.WriteNumber(number, (ulong)parts.Number); break;
            case FieldKind.Loss when parts.Loss != 0: message.WriteFixed(number, BitConverter.SingleToUInt32Bits(parts.Loss)); break;
        }
    }

    private long TensorBytes
    {
        get
        {
            var bytes = 0L;
            for (var i = 0; i < tensors.Count; i++) bytes += FieldWriter.LengthOf(tensors.TensorLength(i));
            return bytes;
        }
    }
}

/// <summary>A message that Protobuf, and so the bidirectional stream, cannot carry.</summary>
internal sealed class MessageTooLongException(long bytes) : Exception(
    $"[wire] the message has {bytes} bytes, Protobuf and so the bidirectional stream carry at most {int.MaxValue}; use Fleet (FederatedServerOptions.Fleet, FederatedNode), which sends pieces");
