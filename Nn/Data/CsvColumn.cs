namespace ManagedFed.Nn.Data;

/// <summary>One column of a <see cref="CsvTable"/>.</summary>
/// <param name="Name">Its name in the header, or its number.</param>
/// <param name="Values">Shape (n,): numbers, truth values, or for a column of text the int32 numbers of its classes.</param>
/// <param name="Classes">The texts that stand for the classes 0, 1, …; null for a column that is no text.</param>
public sealed record CsvColumn(string Name, NdArray Values, IReadOnlyList<string>? Classes)
{
    /// <summary>Name, number of values and kind.</summary>
    public override string ToString() => $"{Name}: {Values.Count} {(Classes is null ? Values.DType.Name() : $"of {Classes.Count} classes")}";
}
