namespace ManagedFed.IO;

/// <summary>The bytes of an array piece by piece, in row-major order: an array may hold more than the 2 GiB of a span.</summary>
internal static class ArrayPieces
{
    /// <summary>The most bytes of a piece, a multiple of every element's size.</summary>
    public const int Size = 16 << 20;

    /// <summary>Takes some bytes, which are valid during the call.</summary>
    public delegate void Take(ReadOnlySpan<byte> bytes);

    /// <summary>Hands out all bytes; of an array that does not lie row-major no more than a piece is copied at a time.</summary>
    public static void Read(NdArray array, Take take, int most = Size)
    {
        if (!array.IsContiguous && array.ByteCount > most)
        {
            var axis = 0;
            while (array.Shape[axis] == 1) axis++;
            var size = array.Shape[axis];
            var rows = (int)Math.Clamp(most / (array.ByteCount / size), 1, size);
            for (var start = 0; start < size; start += rows) Read(array.Slice(axis, start, Math.Min(rows, size - start)), take, most);
            return;
        }
        var dense = array.Contiguous();
        for (var at = 0L; at < dense.ByteCount; at += most) take(Span(dense, at, (int)Math.Min(most, dense.ByteCount - at)));
        GC.KeepAlive(dense);
    }

    /// <summary>Some bytes of a contiguous array, which the caller keeps alive.</summary>
    public static unsafe Span<byte> Span(NdArray array, long start, int length) => new(array.Pointer + start, length);

    /// <summary>Fills the bytes start … end−1 of a contiguous array from a stream.</summary>
    /// <returns>How many there were; fewer at the end of the stream.</returns>
    public static long Fill(NdArray array, long start, long end, Stream source, Take? look = null)
    {
        var at = start;
        while (at < end)
        {
            var piece = Span(array, at, (int)Math.Min(Size, end - at));
            var read = source.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false);
            look?.Invoke(piece[..read]);
            at += read;
            if (read < piece.Length) break;
        }
        GC.KeepAlive(array);
        return at - start;
    }

    /// <summary>Memory for so many bytes: uint8 of one axis, or of more bytes than an axis can have, of two whose last row may be longer than needed.</summary>
    public static NdArray Allocate(long bytes) =>
        bytes <= Array.MaxLength ? NdArray.Empty([(int)bytes], DType.UInt8) : NdArray.Empty([checked((int)((bytes + Size - 1) / Size)), Size], DType.UInt8);

    /// <summary>Reads bytes whose number is only claimed: memory grows with what has really arrived.</summary>
    /// <returns>The memory from <see cref="Allocate"/>, and how many bytes there were; fewer than the length at the end of the stream.</returns>
    public static (NdArray Raw, long Filled) ReadClaimed(Stream source, long length)
    {
        const int FirstPart = 1 << 20;
        var raw = Allocate(Math.Min(length, FirstPart));
        var filled = 0L;
        while (true)
        {
            var end = Math.Min(length, raw.Count);
            filled += Fill(raw, filled, end, source);
            if (filled < end || filled == length) return (raw, filled);
            var larger = Allocate(Math.Min(length, 2 * filled));
            var at = 0L;
            Read(raw, bytes =>
            {
                bytes.CopyTo(Span(larger, at, bytes.Length));
                at += bytes.Length;
            });
            raw = larger;
        }
    }
}
