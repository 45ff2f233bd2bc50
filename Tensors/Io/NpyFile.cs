using System.Buffers;

namespace ManagedFed.IO;

/// <summary>An array and the bytes of its .npy file, which are the same memory: whoever fills the array has written the file.</summary>
/// <remarks>Until its bytes are looked at the memory is an array's as any other; from then on it is never reused.</remarks>
internal sealed class NpyFile : MemoryManager<byte>
{
    private readonly NdArray whole;

    /// <summary>A file whose elements are of unspecified content.</summary>
    public NpyFile(Shape shape, DType dtype)
    {
        var header = NpyHeader.Format(shape, dtype);
        var length = header.Length + shape.Count * dtype.Size();
        if (length > System.Array.MaxLength) Throw.Argument("npy", $"array of shape {shape} {dtype.Name()} makes {length:N0} bytes, one message holds at most {System.Array.MaxLength:N0}");
        whole = NdArray.Empty([(int)length], DType.UInt8);
        header.CopyTo(whole.Bytes);
        Array = whole.ViewFrom(header.Length, shape, dtype);
    }

    /// <summary>The array.</summary>
    public NdArray Array { get; }

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => whole.Storage.Expose(0, checked((nint)whole.ByteCount));

    /// <inheritdoc/>
    public override unsafe MemoryHandle Pin(int elementIndex = 0) => new(whole.Pointer + elementIndex, pinnable: this);

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}
