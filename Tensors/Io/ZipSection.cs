namespace ManagedFed.IO;

/// <summary>Reads at most so many bytes of another stream, and keeps their number and, if asked to, their checksum.</summary>
internal sealed class ZipSection(Stream source, long length, bool sum = false) : Stream
{
    private long count;

    /// <summary>The bytes read so far.</summary>
    public long Count => count;

    /// <summary>The CRC-32 of the bytes read so far, where it is kept.</summary>
    public uint Crc { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var read = source.Read(buffer[..(int)Math.Min(buffer.Length, length - count)]);
        count += read;
        if (sum) Crc = Crc32.Append(Crc, buffer[..read]);
        return read;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush()
    {
    }
}
