namespace ManagedFed.Tests.Io;

/// <summary>A file in memory that keeps only the pages with something else than zeros, so that gigabytes of zeros cost nothing.</summary>
internal sealed class SparseStream : Stream
{
    private const int Page = 1 << 16;
    private readonly Dictionary<long, byte[]> pages = [];
    private long length;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        buffer = buffer[..(int)Math.Max(0, Math.Min(buffer.Length, length - Position))];
        for (var at = 0; at < buffer.Length;)
        {
            var (page, start) = (Position / Page, (int)(Position % Page));
            var part = buffer[at..Math.Min(buffer.Length, at + Page - start)];
            if (pages.TryGetValue(page, out var bytes)) bytes.AsSpan(start, part.Length).CopyTo(part);
            else part.Clear();
            at += part.Length;
            Position += part.Length;
        }
        return buffer.Length;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var (page, start) = (Position / Page, (int)(Position % Page));
            var part = buffer[..Math.Min(buffer.Length, Page - start)];
            if (pages.TryGetValue(page, out var bytes)) part.CopyTo(bytes.AsSpan(start));
            else if (part.IndexOfAnyExcept((byte)0) >= 0) part.CopyTo((pages[page] = new byte[Page]).AsSpan(start));
            Position += part.Length;
            buffer = buffer[part.Length..];
        }
        length = Math.Max(length, Position);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? Position : length);

    public override void SetLength(long value) => length = value;

    public override void Flush()
    {
    }
}
