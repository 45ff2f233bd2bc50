namespace ManagedFed;

/// <summary>What the arrays of this process hold: byte counters, the ceiling, and the cache of free blocks.</summary>
/// <remarks>
/// Blocks of a page or more begin on a page boundary, smaller ones on a cache line. A freed block is kept for
/// the next array of its size class until <see cref="CacheLimit"/> is reached. Counters are of block sizes, which
/// are up to a quarter larger than the data.
/// </remarks>
public static class TensorMemory
{
    /// <summary>Bytes held by arrays that are alive, or dropped but not yet seen by the garbage collector.</summary>
    public static long ActiveBytes => BlockPool.Shared.ActiveBytes;

    /// <summary>Bytes of free blocks kept for reuse.</summary>
    public static long CachedBytes => BlockPool.Shared.CachedBytes;

    /// <summary>The largest value of <see cref="ActiveBytes"/> since the start or the last <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => BlockPool.Shared.PeakBytes;

    /// <summary>The most bytes of free blocks to keep; lowering it frees blocks at once. Default: 1 GiB or a quarter of the machine's memory, the smaller.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public static long CacheLimit
    {
        get => BlockPool.Shared.CacheLimit;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof(CacheLimit));
            BlockPool.Shared.CacheLimit = value;
        }
    }

    /// <summary>The ceiling on <see cref="ActiveBytes"/>; an array that would pass it throws. Default: none (<see cref="long.MaxValue"/>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public static long Limit
    {
        get => BlockPool.Shared.Limit;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof(Limit));
            BlockPool.Shared.Limit = value;
        }
    }

    /// <summary>Gives all free blocks back to the garbage collector.</summary>
    public static void ClearCache() => BlockPool.Shared.Trim(0);

    /// <summary>Sets <see cref="PeakBytes"/> to <see cref="ActiveBytes"/>.</summary>
    public static void ResetPeak() => BlockPool.Shared.ResetPeak();
}
