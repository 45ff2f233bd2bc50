namespace ManagedFed.IO;

/// <summary>What <see cref="Npz"/> accepts from an archive of unknown origin; <see cref="Npz.Write"/> makes none that the defaults refuse.</summary>
public sealed record NpzLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static NpzLimits Default { get; } = new();

    /// <summary>The most members. Default: 1,048,576, which is also the most that are written. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxEntries
    {
        get;
        init => field = Interval.Counts.Check("npz", nameof(MaxEntries), value);
    } = 1 << 20;

    /// <summary>The most bytes of one array and its header, unpacked. Default: no limit of its own. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxEntryBytes
    {
        get;
        init => field = Interval.Counts.Check("npz", nameof(MaxEntryBytes), value);
    } = long.MaxValue;

    /// <summary>The most bytes of all arrays together, unpacked. Default: no limit, for stored arrays take no more memory than the file has. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxTotalBytes
    {
        get;
        init => field = Interval.Counts.Check("npz", nameof(MaxTotalBytes), value);
    } = long.MaxValue;

    /// <summary>The most bytes that all deflated arrays unpack to. Default: 8 GiB, which is also the most that is written compressed. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxInflatedBytes
    {
        get;
        init => field = Interval.Counts.Check("npz", nameof(MaxInflatedBytes), value);
    } = 8L << 30;

    /// <summary>
    /// How many times larger than packed a deflated array of more than 1 MiB may be. Default: 1032, the most that deflate can
    /// express, so that only lies are refused. At least 1.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxRatio
    {
        get;
        init => field = Interval.Counts.Check("npz", nameof(MaxRatio), value);
    } = 1032;
}
