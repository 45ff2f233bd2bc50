namespace ManagedFed.Nn.Data;

/// <summary>A file of which only so much is read in all, and whose end is only met so often: a reader that goes round in circles is stopped.</summary>
internal sealed class BoundedReads(Stream file) : Stream
{
    private const int MostEnds = 1000, MostTimes = 64;

    private readonly long most = MostTimes * (file.Length + 1024);
    private long read, ends;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => file.Length;

    /// <inheritdoc/>
    public override long Position { get => file.Position; set => file.Position = value; }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) => Count(buffer.Length, file.Read(buffer));

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(buffer.Length, await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    private int Count(int wanted, int got)
    {
        read += got;
        if (wanted > 0 && got == 0) ends++;
        return read <= most && ends <= MostEnds ? got : throw ParquetFooter.Damaged("reading it comes to no end");
    }
}
