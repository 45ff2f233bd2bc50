namespace ManagedFed.Devices;

/// <summary>While it is open, parallel regions of this flow of control run on their caller alone.</summary>
internal sealed class CallerAlone : IDisposable
{
    private static readonly AsyncLocal<bool> Flow = new();

    // So that a kernel asks the flow only where somebody has such a scope.
    private static int open;

    private readonly bool outer = Flow.Value;
    private int disposed;

    public CallerAlone()
    {
        Interlocked.Increment(ref open);
        Flow.Value = true;
    }

    /// <summary>True inside a scope of this flow.</summary>
    public static bool IsOpen => Volatile.Read(ref open) > 0 && Flow.Value;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0) return;
        Flow.Value = outer;
        Interlocked.Decrement(ref open);
    }
}
