namespace ManagedFed.Federation;

/// <summary>Ends a stream whose reply has begun and hardly goes on; how long it takes until one begins is the round's matter.</summary>
internal sealed class PaceWatch : IDisposable
{
    private readonly FramePipe pipe;
    private readonly double least;
    private readonly Action<string> stalled;
    private readonly ITimer timer;
    private (long Message, long Bytes)? last;

    public PaceWatch(FramePipe pipe, PeerLimits limits, TimeProvider time, Action<string> stalled)
    {
        (this.pipe, this.stalled) = (pipe, stalled);
        least = limits.MinBytesPerSecond * limits.StallTimeout.TotalSeconds;
        timer = time.CreateTimer(_ => Look(), null, limits.StallTimeout, limits.StallTimeout);
    }

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        var now = pipe.Arriving;
        if (now is { } at && last is { } before && at.Message == before.Message && at.Bytes - before.Bytes < least)
        {
            stalled($"Fewer than {least} bytes of a message came in time.");
        }
        last = now;
    }
}
