namespace ManagedFed.Nn.Data;

/// <summary>A gzip file followed by an empty member: a reader that does not miss the end of a file cut short there takes this for it, and finds it wrong.</summary>
/// <remarks>Format: RFC 1952; <see cref="System.IO.Compression.GZipStream"/> ends in silence where the checksum of a member is missing.</remarks>
internal sealed class GzipInput(Stream file) : Stream
{
    private int given;

    // Header, an empty block, and the checksum and length of nothing.
    private static ReadOnlySpan<byte> Empty => [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

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
        if (buffer.IsEmpty) return 0;
        var read = given == 0 ? file.Read(buffer) : 0;
        if (read > 0) return read;
        var rest = Empty[given..];
        read = Math.Min(rest.Length, buffer.Length);
        rest[..read].CopyTo(buffer);
        given += read;
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
