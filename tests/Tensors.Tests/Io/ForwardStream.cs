namespace ManagedFed.Tests.Io;

/// <summary>A stream that cannot seek and gives a few bytes at a time, as a network does.</summary>
internal sealed class ForwardStream(byte[] content, int most = 1000) : MemoryStream(content, writable: false)
{
    public override bool CanSeek => false;

    public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, most)]);

    public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));
}
