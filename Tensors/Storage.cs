namespace ManagedFed;

/// <summary>A counted claim on one block of memory, shared by every view of it.</summary>
/// <remarks>
/// The engine counts its own claims exactly and gives the block back with the last one. A storage that user code
/// can reach (<see cref="Escape"/>) is given back when the collector finds it dropped; one whose memory was handed
/// out as a span (<see cref="Expose"/>) is never reused.
/// </remarks>
internal sealed unsafe class Storage
{
    private readonly Block block;
    private Reclaimer? reclaimer;
    private int claims = 1;
    private volatile bool exposed;

    public Storage(long bytes)
    {
        block = BlockPool.Shared.Rent(bytes);
        ByteLength = bytes;
    }

    public long ByteLength { get; }

    public byte* Pointer => block.Pointer;

    /// <summary>True when one claim is all there is, so that its holder may overwrite the memory.</summary>
    public bool IsExclusive => claims == 1 && reclaimer is null;

    public void Claim() => Interlocked.Increment(ref claims);

    /// <summary>Gives one claim up. After <see cref="Escape"/> only the collector ends the storage.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref claims) == 0 && reclaimer is null) BlockPool.Shared.Return(block);
    }

    /// <summary>Leaves the end of this storage to the garbage collector, because user code may hold it.</summary>
    public void Escape()
    {
        if (reclaimer is not null) return;
        lock (block)
        {
            if (reclaimer is not null) return;
            reclaimer = new Reclaimer(this);
            BlockPool.Shared.CountEscaped(block.Capacity);
        }
    }

    public Span<byte> Expose(nint start, nint length)
    {
        Escape();
        exposed = true;
        return block.Span(start, length);
    }

    /// <summary>For readers that finish inside one call and keep this object alive meanwhile.</summary>
    public Span<byte> Borrow(nint start, nint length) => block.Span(start, length);

    private sealed class Reclaimer(Storage storage)
    {
        ~Reclaimer()
        {
            BlockPool.Shared.CountEscaped(-storage.block.Capacity);
            if (storage.exposed) BlockPool.Shared.Abandon(storage.block);
            else BlockPool.Shared.Return(storage.block);
        }
    }
}
