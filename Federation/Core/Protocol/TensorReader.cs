using System.Buffers;
using Google.Protobuf;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>One tensor as it arrives: where it begins as an .npy file its data go straight to an array's memory, else they stay bytes.</summary>
/// <remarks>What tensors are is told after them, so both are kept possible.</remarks>
/// <param name="length">The bytes of the tensor.</param>
/// <param name="arraysOnly">True to read over what is no array.</param>
internal sealed class TensorReader(long length, bool arraysOnly)
{
    private readonly long length = length;
    private long left = length;
    private bool begun;
    private NpyHeader header;
    private byte[] head = [];
    private NdArray? data;
    private byte[]? bytes;
    private int filled;

    /// <summary>True when all bytes have been taken.</summary>
    public bool IsDone => begun && left == 0;

    /// <summary>Why it is no array; null when it is, or when that is not known yet.</summary>
    public string? Problem { get; private set; }

    /// <summary>Takes what it can of the bytes that have come; none while a header has not come whole.</summary>
    /// <returns>How many bytes were taken.</returns>
    public long Read(in ReadOnlySequence<byte> arrived)
    {
        var own = arrived.Length > left ? arrived.Slice(0, left) : arrived;
        if (!begun)
        {
            if (!TryBegin(own)) return 0;
            if (data is not null)
            {
                left -= head.Length;
                return head.Length;
            }
        }
        if (data is not null) own.CopyTo(data.Bytes[filled..]);
        else if (bytes is not null) own.CopyTo(bytes.AsSpan(filled));
        filled += (int)own.Length;
        left -= own.Length;
        return own.Length;
    }

    private bool TryBegin(in ReadOnlySequence<byte> own)
    {
        try
        {
            if (Npy.TryReadHeader(own, length) is not { } found) return false;
            data = NpyData.Allocate(found.Header.DataLength);
            (header, head) = (found.Header, own.Slice(0, found.Start).ToArray());
        }
        catch (FormatException exception)
        {
            Problem = exception.Message;
            if (!arraysOnly) bytes = new byte[length];
        }
        return begun = true;
    }

    /// <summary>The array; its memory is used up.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public NdArray ToArray() => data is null ? throw new FormatException(Problem) : NpyData.Decode(header, data);

    /// <summary>The bytes.</summary>
    // The only reference to them goes into the string of bytes, so that nobody can change them.
    public ByteString ToBytes()
    {
        if (data is null) return UnsafeByteOperations.UnsafeWrap(bytes ?? []);
        var whole = new byte[length];
        head.CopyTo(whole, 0);
        data.Bytes.CopyTo(whole.AsSpan(head.Length));
        GC.KeepAlive(data);
        return UnsafeByteOperations.UnsafeWrap(whole);
    }
}
