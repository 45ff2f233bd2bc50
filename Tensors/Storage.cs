using System.Diagnostics.CodeAnalysis;

namespace ManagedFed;

/// <summary>A counted claim on one block of memory, shared by every view of it.</summary>
/// <remarks>
/// The block is given back with the last claim. Claims that nobody gives up, because a tensor was dropped without
/// being disposed of or because user code holds an array (<see cref="Share"/>), end when the collector finds the storage
/// dropped, if it was prepared for that by <see cref="Escape"/>. Memory that was handed out as a span
/// (<see cref="Expose"/>) is never reused.
/// </remarks>
internal sealed unsafe class Storage
{
    private readonly Block block;
    private Reclaimer? reclaimer;
    private int claims = 1;
    private volatile bool shared, exposed;

    public Storage(long bytes)
    {
        block = BlockPool.Shared.Rent(bytes);
        ByteLength = bytes;
    }

    /// <summary>A claim on memory that is not the pool's and that nobody writes to; it is never overwritten in place, and let go by the collector.</summary>
    public Storage(ReadOnlyMemory<byte> foreign)
    {
        block = new Block(foreign);
        ByteLength = foreign.Length;
        Share();
    }

    public long ByteLength { get; }

    public byte* Pointer => block.Pointer;

    /// <summary>True when one claim is all there is, so that its holder may overwrite the memory.</summary>
    public bool IsExclusive => claims == 1;

    /// <summary>Adds a claim; the caller knows of another that does not end meanwhile.</summary>
    public void Claim() => Interlocked.Increment(ref claims);

    /// <summary>Gives one claim up, and with the last one the block.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref claims) != 0) return;
        reclaimer?.Cancel();
        End();
    }

    /// <summary>Makes the garbage collector end this storage if its claims are dropped instead of given up.</summary>
    public void Escape()
    {
        if (reclaimer is not null) return;
        lock (block)
        {
            if (reclaimer is not null) return;
            reclaimer = new Reclaimer(this);
            if (!block.IsForeign) BlockPool.Shared.CountEscaped(block.Capacity);
        }
    }

    /// <summary>Says that user code holds an array: a claim that only the collector ends.</summary>
    public void Share()
    {
        if (shared) return;
        lock (block)
        {
            if (shared) return;
            Claim();
            shared = true;
        }
        Escape();
    }

    public Span<byte> Expose(nint start, nint length) => Expose<byte>(start, length);

    /// <summary>The same of elements.</summary>
    public Span<T> Expose<T>(nint start, nint count) where T : unmanaged
    {
        Escape();
        exposed = true;
        return block.Span<T>(start, count);
    }

    /// <summary>For readers that finish inside one call and keep this object alive meanwhile.</summary>
    public Span<byte> Borrow(nint start, nint length) => block.Span(start, length);

    /// <summary>The same of elements.</summary>
    public Span<T> Borrow<T>(nint start, nint count) where T : unmanaged => block.Span<T>(start, count);

    private void End()
    {
        if (block.IsForeign)
        {
            block.Unpin();
            return;
        }
        if (reclaimer is not null) BlockPool.Shared.CountEscaped(-block.Capacity);
        if (exposed) BlockPool.Shared.Abandon(block);
        else BlockPool.Shared.Return(block);
    }

    private sealed class Reclaimer(Storage storage)
    {
        [SuppressMessage("Usage", "CA1816", Justification = "The storage ends with its last claim, and nobody disposes of it.")]
        public void Cancel() => GC.SuppressFinalize(this);

        ~Reclaimer() => storage.End();
    }
}
