namespace ManagedFed.Nn.Data;

/// <summary>One column of a parquet file: numbers, images or text.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">Numbers of shape (n,), or images as <see cref="HuggingFace"/> gives them; null for text.</param>
/// <param name="Texts">The texts, null where one is missing; null for other columns.</param>
/// <param name="Classes">What the numbers 0, 1, … of a column of classes are called, as far as the file tells.</param>
public sealed record ParquetColumn(string Name, NdArray? Values, IReadOnlyList<string?>? Texts, IReadOnlyList<string>? Classes)
{
    /// <summary>Name, shape or number of values, and kind.</summary>
    public override string ToString() => (Values is { } values ? $"{Name}: {values.Shape} {values.DType.Name()}" : $"{Name}: {Texts!.Count} texts") + (Classes is null ? "" : $" of {Classes.Count} classes");
}
