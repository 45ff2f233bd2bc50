namespace ManagedFed.IO;

/// <summary>What <see cref="Npz"/> accepts from an archive of unknown origin.</summary>
public sealed record NpzLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static NpzLimits Default { get; } = new();

    /// <summary>The most arrays. Default: 4096.</summary>
    public int MaxEntries { get; init; } = 4096;

    /// <summary>The most bytes of one array and its header, unpacked. Default: 2 GiB, the most one array can hold.</summary>
    public long MaxEntryBytes { get; init; } = Array.MaxLength;

    /// <summary>The most bytes of all arrays together, unpacked. Default: 8 GiB.</summary>
    public long MaxTotalBytes { get; init; } = 8L << 30;

    /// <summary>
    /// How many times larger than packed an entry of more than 1 MiB may be. Default: 200; raise it for compressed
    /// archives of large constant arrays, which deflate to a thousandth.
    /// </summary>
    public int MaxRatio { get; init; } = 200;
}
