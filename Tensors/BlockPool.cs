using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ManagedFed;

/// <summary>A pinned piece of memory: its address never changes and a span over it keeps it alive.</summary>
internal sealed unsafe class Block
{
    [StructLayout(LayoutKind.Sequential, Size = LineSize)]
    private readonly struct Line;

    public const int LineSize = 64;

    private readonly Line[] lines;
    private readonly ReadOnlyMemory<byte> foreign;
    private MemoryHandle pin;

    public Block(long capacity, int sizeClass)
    {
        Capacity = capacity;
        SizeClass = sizeClass;
        long alignment = capacity >= Environment.SystemPageSize ? Environment.SystemPageSize : LineSize;
        var count = (capacity + alignment - 1) / LineSize + 1;
        if (count > Array.MaxLength) throw TooLarge(capacity, null);
        try
        {
            lines = GC.AllocateUninitializedArray<Line>((int)count, pinned: true);
        }
        catch (OutOfMemoryException e)
        {
            throw TooLarge(capacity, e);
        }
        var start = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(lines));
        Pointer = (byte*)((start + (nuint)alignment - 1) & ~((nuint)alignment - 1));
    }

    /// <summary>A block of memory that is not the pool's, from now until <see cref="Unpin"/>.</summary>
    public Block(ReadOnlyMemory<byte> foreign)
    {
        (Capacity, lines, this.foreign) = (foreign.Length, [], foreign);
        pin = foreign.Pin();
        Pointer = (byte*)pin.Pointer;
        IsForeign = true;
    }

    public bool IsForeign { get; }

    public long Capacity { get; }

    public int SizeClass { get; }

    public byte* Pointer { get; }

    /// <summary>A span whose reference points into the managed array, so that holding the span holds the memory.</summary>
    public Span<byte> Span(nint start, nint length)
    {
        if (IsForeign) return MemoryMarshal.AsMemory(foreign).Span.Slice(checked((int)start), checked((int)length));
        ref var first = ref Unsafe.As<Line, byte>(ref MemoryMarshal.GetArrayDataReference(lines));
        var skip = (nint)(Pointer - (byte*)Unsafe.AsPointer(ref first)) + start;
        return MemoryMarshal.CreateSpan(ref Unsafe.Add(ref first, skip), Shape.Size("span", length));
    }

    /// <summary>The same of elements of another type, of which a span may hold more bytes than of bytes.</summary>
    public Span<T> Span<T>(nint start, nint count) where T : unmanaged
    {
        if (IsForeign) return MemoryMarshal.Cast<byte, T>(Span(start, count * sizeof(T)));
        ref var first = ref Unsafe.As<Line, byte>(ref MemoryMarshal.GetArrayDataReference(lines));
        var skip = (nint)(Pointer - (byte*)Unsafe.AsPointer(ref first)) + start;
        return MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref Unsafe.Add(ref first, skip)), Shape.Size("span", count));
    }

    private static InsufficientMemoryException TooLarge(long capacity, Exception? cause) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"[memory] {capacity:N0} bytes for one array cannot be had; one array may take {(long)Array.MaxLength * LineSize:N0}, and the system offers {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes:N0}"), cause);

    /// <summary>Lets foreign memory go.</summary>
    public void Unpin() => pin.Dispose();
}

/// <summary>A bounded, thread-safe store of free blocks in size classes, four to each power of two.</summary>
internal sealed class BlockPool
{
    /// <summary>Bytes dropped but unseen by the collector are looked for when this many more are alive than after the last look.</summary>
    private const long CollectAfter = 32L << 20;

    /// <summary>The classes of blocks up to a page, whose objects weigh more than their bytes.</summary>
    private static readonly int SmallClasses = Classify(4096).SizeClass + 1;

    private readonly Lock gate = new();
    // The fewest free blocks of each small class since unused ones were last forgotten.
    private readonly int[] least = new int[SmallClasses];
    private readonly Stack<Block>[] free = [.. Enumerable.Range(0, 256).Select(_ => new Stack<Block>())];
    private long active, cached, peak, escaped, collectAt = CollectAfter, collectAllAt = CollectAfter;
    private long cacheLimit = Math.Min(1L << 30, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    public static BlockPool Shared { get; } = CreateShared();

    public long ActiveBytes => Volatile.Read(ref active);

    public long CachedBytes => Volatile.Read(ref cached);

    public long PeakBytes => Volatile.Read(ref peak);

    public long Limit { get; set; } = long.MaxValue;

    public long CacheLimit
    {
        get => Volatile.Read(ref cacheLimit);
        set
        {
            Volatile.Write(ref cacheLimit, value);
            Trim(value);
        }
    }

    public Block Rent(long bytes)
    {
        var (sizeClass, capacity) = Classify(bytes);
        if (TryRent(sizeClass, capacity) is { } hit) return hit;
        Collect(capacity);
        if (TryRent(sizeClass, capacity) is { } found) return found;
        var fresh = new Block(capacity, sizeClass);
        lock (gate) Activate(capacity);
        return fresh;
    }

    public void Return(Block block)
    {
        lock (gate)
        {
            active -= block.Capacity;
            if (cached + block.Capacity > cacheLimit) return;
            cached += block.Capacity;
            free[block.SizeClass].Push(block);
        }
    }

    /// <summary>Forgets a block that user code may still see through a span: the collector alone may end it.</summary>
    public void Abandon(Block block)
    {
        lock (gate) active -= block.Capacity;
    }

    /// <summary>Counts bytes whose release depends on the garbage collector noticing that a user dropped them.</summary>
    public void CountEscaped(long bytes) => Interlocked.Add(ref escaped, bytes);

    /// <summary>Looks for bytes dropped but unseen by the collector now, where there may be many: at a point where much was just dropped.</summary>
    public void Reclaim()
    {
        // What lived through a transfer is old by now.
        if (Volatile.Read(ref escaped) > CollectAfter) Look(GC.MaxGeneration);
    }

    public void ResetPeak()
    {
        lock (gate) peak = active;
    }

    public void Trim(long limit)
    {
        lock (gate)
        {
            for (var i = free.Length - 1; i >= 0 && cached > limit; i--)
            {
                while (cached > limit && free[i].TryPop(out var block)) cached -= block.Capacity;
            }
        }
    }

    /// <summary>Drops the small blocks that were not needed since the last time: what a burst of dropped arrays once filled.</summary>
    public void ForgetUnused()
    {
        lock (gate)
        {
            for (var i = 0; i < least.Length; i++)
            {
                for (var unused = least[i]; unused > 0 && free[i].TryPop(out var block); unused--) cached -= block.Capacity;
                least[i] = free[i].Count;
            }
        }
    }

    private static BlockPool CreateShared()
    {
        var pool = new BlockPool();
        _ = new FullCollections(pool);
        return pool;
    }

    private Block? TryRent(int sizeClass, long capacity)
    {
        lock (gate)
        {
            if (active + capacity > Limit || !free[sizeClass].TryPop(out var block)) return null;
            cached -= capacity;
            if (sizeClass < least.Length) least[sizeClass] = Math.Min(least[sizeClass], free[sizeClass].Count);
            Activate(capacity);
            return block;
        }
    }

    private void Activate(long capacity)
    {
        active += capacity;
        if (active > peak) peak = active;
    }

    /// <summary>
    /// Small wrappers keep large blocks alive, so the collector's own budget notices dropped arrays late;
    /// this asks for a cheap collection when much may be waiting, for a full one when more is left after that than half again as
    /// much as a full one left (what arrives slowly is old when it is dropped), and for one at the ceiling.
    /// </summary>
    private void Collect(long capacity)
    {
        if (Volatile.Read(ref escaped) > Volatile.Read(ref collectAt)) Look(1);
        if (Volatile.Read(ref escaped) > Volatile.Read(ref collectAllAt)) Look(GC.MaxGeneration);
        if (ActiveBytes + capacity <= Limit) return;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (ActiveBytes + capacity > Limit)
        {
            throw new InsufficientMemoryException(
                $"[memory] {capacity:N0} bytes more would pass the limit: {ActiveBytes:N0} of {Limit:N0} bytes are in use; raise TensorMemory.Limit or use smaller batches");
        }
    }

    private void Look(int generation)
    {
        GC.Collect(generation, GCCollectionMode.Forced, blocking: true);
        GC.WaitForPendingFinalizers();
        var left = Volatile.Read(ref escaped);
        Volatile.Write(ref collectAt, left + CollectAfter);
        if (generation == GC.MaxGeneration) Volatile.Write(ref collectAllAt, left + left / 2 + CollectAfter);
    }

    /// <summary>The class that fits <paramref name="bytes"/>, and its capacity: 64·2ᵃ·(4+b)/4 for b in 0..3.</summary>
    internal static (int SizeClass, long Capacity) Classify(long bytes)
    {
        var lines = Math.Max(1, (bytes + Block.LineSize - 1) / Block.LineSize);
        if (lines <= 4) return ((int)lines - 1, lines * Block.LineSize);
        var shift = BitOperations.Log2((ulong)(lines - 1)) - 2;
        var quarters = ((lines - 1) >> shift) + 1;
        return ((shift << 2) + (int)quarters - 1, (quarters << shift) * Block.LineSize);
    }

    /// <summary>Nobody holds it, so it is found dropped by each collection of its generation, soon the oldest.</summary>
    private sealed class FullCollections(BlockPool pool)
    {
        ~FullCollections()
        {
            pool.ForgetUnused();
            GC.ReRegisterForFinalize(this);
        }
    }
}
