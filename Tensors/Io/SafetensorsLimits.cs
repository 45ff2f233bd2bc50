namespace ManagedFed.IO;

/// <summary>What <see cref="Safetensors"/> accepts from a file of unknown origin.</summary>
public sealed record SafetensorsLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static SafetensorsLimits Default { get; } = new();

    /// <summary>The most bytes of the header. Default: 16 MiB; the format allows 100 MB.</summary>
    public int MaxHeaderBytes { get; init; } = 16 << 20;

    /// <summary>The most bytes of all names and values of the metadata. Default: 1 MiB.</summary>
    public int MaxMetadataBytes { get; init; } = 1 << 20;

    /// <summary>The most tensors. Default: 65,536.</summary>
    public int MaxTensors { get; init; } = 1 << 16;
}
