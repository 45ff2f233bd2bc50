namespace ManagedFed.Federation.Tests.Runs;

/// <summary>The process ends here.</summary>
internal sealed class PowerCutException : Exception;

/// <summary>A disk whose process dies at one of its writes, which is then done in part, or in whole without anybody hearing of it.</summary>
/// <param name="inner">What survives.</param>
/// <param name="at">The write it dies at, from 1; 0 for never.</param>
/// <param name="isDone">Whether that write was done.</param>
internal sealed class PowerCutDisk(IRunDisk inner, int at, bool isDone) : IRunDisk
{
    private readonly Lock gate = new();

    /// <summary>How many writes there were.</summary>
    public int Writes { get; private set; }

    public IReadOnlyList<string> List(string folder) => inner.List(folder);

    public Stream? Read(string name) => inner.Read(name);

    public void Replace(string name, Action<Stream> write)
    {
        lock (gate)
        {
            if (!Dies() || isDone) inner.Replace(name, write);
            if (IsDead) throw new PowerCutException();
        }
    }

    public void Append(string name, ReadOnlySpan<byte> bytes)
    {
        lock (gate)
        {
            inner.Append(name, Dies() && !isDone ? bytes[..(bytes.Length / 2)] : bytes);
            if (IsDead) throw new PowerCutException();
        }
    }

    public void Truncate(string name, long length) => inner.Truncate(name, length);

    public void Delete(string name) => inner.Delete(name);

    public void Dispose()
    {
        // The disk outlives the process.
    }

    private bool IsDead => at > 0 && Writes >= at;

    private bool Dies()
    {
        if (IsDead) throw new PowerCutException();
        Writes++;
        return IsDead;
    }
}
