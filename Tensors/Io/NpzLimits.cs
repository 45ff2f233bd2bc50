namespace ManagedFed.IO;

/// <summary>What <see cref="Npz"/> accepts from an archive of unknown origin; <see cref="Npz.Write"/> makes none that the defaults refuse.</summary>
public sealed record NpzLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static NpzLimits Default { get; } = new();

    /// <summary>The most members. Default: 1,048,576, which is also the most that are written.</summary>
    public int MaxEntries { get; init; } = 1 << 20;

    /// <summary>The most bytes of one array and its header, unpacked. Default: no limit of its own.</summary>
    public long MaxEntryBytes { get; init; } = long.MaxValue;

    /// <summary>The most bytes of all arrays together, unpacked. Default: no limit, for stored arrays take no more memory than the file has.</summary>
    public long MaxTotalBytes { get; init; } = long.MaxValue;

    /// <summary>The most bytes that all deflated arrays unpack to. Default: 8 GiB, which is also the most that is written compressed.</summary>
    public long MaxInflatedBytes { get; init; } = 8L << 30;

    /// <summary>
    /// How many times larger than packed a deflated array of more than 1 MiB may be. Default: 1032, the most that deflate can
    /// express, so that only lies are refused.
    /// </summary>
    public int MaxRatio { get; init; } = 1032;
}
