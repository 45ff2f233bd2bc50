using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>Reads one large reply whose tensors are arrays: each part of a tensor goes to its array as it arrives.</summary>
/// <remarks>
/// Only a model or a training result is large: one field with parameters once inside. A tensor that cannot be read is told of when the
/// whole message is through, so that the stream lives on; a message of another form ends it.
/// </remarks>
/// <param name="reader">The pipe, at the message's first byte.</param>
/// <param name="length">The bytes of the message.</param>
/// <param name="allowance">What it may hold; its length is checked already.</param>
/// <param name="arrived">Told how many bytes of it have come.</param>
/// <param name="cancellation">Gives up.</param>
internal sealed class LargeReplyReader(
    PipeReader reader, long length, ReplyAllowance allowance, Action<long> arrived, CancellationToken cancellation)
{
    // Tags of fields that have a length: the model and the result of training, parameters in them, tensors and their type in those.
    private const ulong GetParametersRes = 3 << 3 | 2, FitRes = 4 << 3 | 2, InParameters = 2 << 3 | 2, InTensor = 1 << 3 | 2, InType = 2 << 3 | 2;

    private readonly ArrayBufferWriter<byte> beside = new();
    private readonly List<NdArray> arrays = [];
    private readonly long length = length;
    private long left = length;
    private int tensors, others;
    private string? problem;
    private string? type;

    /// <exception cref="RpcException">The bytes are not such a message.</exception>
    /// <exception cref="InvalidProtocolBufferException">What stands beside the tensors is not the rest of a message.</exception>
    /// <exception cref="IOException">The stream ends inside the message.</exception>
    public async Task<Frame<Reply>> ReadAsync()
    {
        var outer = await VarintAsync().ConfigureAwait(false);
        if (outer is not (GetParametersRes or FitRes) || await VarintAsync().ConfigureAwait(false) != (ulong)left) throw Unknown();
        var seen = false;
        while (left > 0)
        {
            var tag = await VarintAsync().ConfigureAwait(false);
            if (tag != InParameters)
            {
                await CopyAsync(tag).ConfigureAwait(false);
                continue;
            }
            if (seen) throw Unknown();
            seen = true;
            await ParametersAsync(await LengthAsync(left).ConfigureAwait(false)).ConfigureAwait(false);
        }
        if (type != Parameters.NumpyType) problem ??= $"[wire] tensors are of type '{PeerText.Harmless(type ?? "")}', expected '{Parameters.NumpyType}'";
        if (problem is not null) return new(problem, length);
        try
        {
            return new(FrameReader.MakeReply((int)(outer >> 3), beside.WrittenSpan.ToArray(), new(arrays)), length);
        }
        catch (FormatException exception)
        {
            return new(exception.Message, length);
        }
    }

    private async Task ParametersAsync(long bytes)
    {
        var end = left - bytes;
        while (left > end)
        {
            var tag = await VarintAsync().ConfigureAwait(false);
            var inside = await LengthAsync(left - end).ConfigureAwait(false);
            if (tag == InTensor) await TensorAsync(inside).ConfigureAwait(false);
            else if (tag == InType && inside <= 64) type = await TextAsync((int)inside).ConfigureAwait(false);
            else throw Unknown();
        }
        if (left < end) throw Unknown();
    }

    private async Task TensorAsync(long bytes)
    {
        var end = left - bytes;
        if (++tensors > allowance.Tensors && problem is null) Refuse(ReplyCount.TooManyTensors(tensors, allowance));
        if (problem is null && await HeaderAsync(bytes).ConfigureAwait(false) is { } header)
        {
            var array = NpyData.Allocate(header.DataLength);
            for (var filled = 0; filled < header.DataLength;)
            {
                var buffer = await FillAsync(1, header.DataLength - filled).ConfigureAwait(false);
                buffer.CopyTo(array.Bytes[filled..]);
                filled += (int)buffer.Length;
                Consume(buffer);
            }
            try
            {
                arrays.Add(NpyData.Decode(header, array));
            }
            catch (FormatException exception)
            {
                problem = exception.Message;
            }
        }
        while (left > end) Consume(await FillAsync(1, left - end).ConfigureAwait(false));
    }

    /// <summary>Takes the header of a tensor of so many bytes; null, with the problem noted, when it is not one.</summary>
    private async Task<NpyHeader?> HeaderAsync(long bytes)
    {
        for (var wanted = Math.Min(bytes, NpyHeader.MaxPreamble); ;)
        {
            var buffer = await FillAsync(wanted, bytes).ConfigureAwait(false);
            try
            {
                if (Npy.TryReadHeader(buffer, bytes) is { } found)
                {
                    Consume(buffer.Slice(0, found.Start));
                    return found.Header;
                }
            }
            catch (FormatException exception)
            {
                problem = exception.Message;
                Consume(buffer.Slice(0, 0));
                return null;
            }
            wanted = buffer.Length + 1;
            Consume(buffer.Slice(0, 0));
        }
    }

    /// <summary>Takes a field and keeps it among what stands beside the tensors.</summary>
    private async Task CopyAsync(ulong tag)
    {
        if (++others > allowance.Metrics + ReplyAllowance.OtherFields && problem is null) Refuse(ReplyCount.TooManyMetrics(allowance));
        Keep(tag);
        long bytes;
        switch ((WireFormat.WireType)(tag & 7))
        {
            case WireFormat.WireType.Varint:
                Keep(await VarintAsync().ConfigureAwait(false));
                return;
            case WireFormat.WireType.Fixed32: bytes = 4; break;
            case WireFormat.WireType.Fixed64: bytes = 8; break;
            case WireFormat.WireType.LengthDelimited:
                bytes = await LengthAsync(left).ConfigureAwait(false);
                Keep((ulong)bytes);
                break;
            default: throw Unknown();
        }
        if (bytes > left) throw Unknown();
        if (bytes > allowance.MetricsBytes - beside.WrittenCount && problem is null) Refuse(ReplyCount.TooManyMetrics(allowance));
        var end = left - bytes;
        while (left > end)
        {
            var buffer = await FillAsync(1, left - end).ConfigureAwait(false);
            if (problem is null)
            {
                foreach (var segment in buffer) beside.Write(segment.Span);
            }
            Consume(buffer);
        }
    }

    /// <summary>Notes what is wrong; the rest is read over.</summary>
    private void Refuse(string why)
    {
        problem = why;
        arrays.Clear();
    }

    private void Keep(ulong varint)
    {
        if (problem is not null) return;
        for (; varint >= 0x80; varint >>= 7) beside.Write([(byte)(varint | 0x80)]);
        beside.Write([(byte)varint]);
    }

    private async Task<string> TextAsync(int bytes)
    {
        if (bytes == 0) return "";
        var buffer = await FillAsync(bytes, bytes).ConfigureAwait(false);
        var text = Encoding.UTF8.GetString(buffer);
        Consume(buffer);
        return text;
    }

    private async ValueTask<long> LengthAsync(long most)
    {
        var before = left;
        var bytes = await VarintAsync().ConfigureAwait(false);
        return bytes <= (ulong)(most - (before - left)) ? (long)bytes : throw Unknown();
    }

    private async ValueTask<ulong> VarintAsync()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var buffer = await FillAsync(1, 1).ConfigureAwait(false);
            var part = buffer.FirstSpan[0];
            Consume(buffer);
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        throw Unknown();
    }

    /// <summary>At least so many bytes of the message, and at most so many, from where it is now.</summary>
    private async ValueTask<ReadOnlySequence<byte>> FillAsync(long least, long most)
    {
        if (least > left) throw Unknown();
        var result = await reader.ReadAtLeastAsync((int)least, cancellation).ConfigureAwait(false);
        if (result.Buffer.Length < least) throw new IOException("[wire] the stream ends inside a message");
        return result.Buffer.Slice(0, Math.Min(result.Buffer.Length, Math.Min(most, left)));
    }

    private void Consume(in ReadOnlySequence<byte> taken)
    {
        left -= taken.Length;
        arrived(length - left);
        reader.AdvanceTo(taken.End);
    }

    private static RpcException Unknown() => new(new(StatusCode.Internal, "A large message is neither a model nor the result of training."));
}
