namespace ManagedFed.IO;

/// <summary>What <see cref="Safetensors"/> accepts from a file of unknown origin; <see cref="Safetensors.Write"/> makes none that the defaults refuse.</summary>
public sealed record SafetensorsLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static SafetensorsLimits Default { get; } = new();

    /// <summary>The most bytes of the header. Default: 100 MB, the format's own limit, which is also the most that is written. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxHeaderBytes
    {
        get;
        init => field = Interval.Counts.Check("safetensors", nameof(MaxHeaderBytes), value);
    } = 100_000_000;

    /// <summary>The most bytes of all names and values of the metadata. Default: as many as the header may have. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxMetadataBytes
    {
        get;
        init => field = Interval.Counts.Check("safetensors", nameof(MaxMetadataBytes), value);
    } = 100_000_000;

    /// <summary>The most tensors. Default: as many as the header can describe. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxTensors
    {
        get;
        init => field = Interval.Counts.Check("safetensors", nameof(MaxTensors), value);
    } = int.MaxValue;

    /// <summary>
    /// Whether the checksums are verified that our own files carry in their metadata; files without them are read either way. Default: true.
    /// </summary>
    public bool VerifyChecksums { get; init; } = true;
}
