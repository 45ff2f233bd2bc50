using System.Net;
using System.Net.Http;

namespace ManagedFed.Federation;

/// <summary>The sending side of a call that goes both ways: a stream that leads to the request's body once the call is made.</summary>
/// <param name="ended">The call's end.</param>
internal sealed class Outgoing(CancellationToken ended) : Stream
{
    private readonly TaskCompletionSource<Stream> body = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource complete = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Nothing more is sent.</summary>
    public void Complete() => complete.TrySetResult();

    /// <summary>Holds the body open until nothing more is sent; the headers go out at once, before there is anything to send.</summary>
    public async Task SendAsync(Stream stream, CancellationToken cancellation)
    {
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
        body.SetResult(stream);
        await complete.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var stream = await body.Task.WaitAsync(ended).ConfigureAwait(false);
        await stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        var stream = await body.Task.WaitAsync(ended).ConfigureAwait(false);
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>The request's body, of a length that nobody knows.</summary>
internal sealed class OutgoingContent(Outgoing outgoing) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => outgoing.SendAsync(stream, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        outgoing.SendAsync(stream, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
