namespace ManagedFed.Nn;

/// <summary>How <see cref="Onnx"/> writes a model.</summary>
public sealed record OnnxOptions
{
    /// <summary>The inputs' names; null for <c>input</c>, or <c>input_0</c>, <c>input_1</c>, ….</summary>
    public IReadOnlyList<string>? InputNames { get; init; }

    /// <summary>The outputs' names; null for <c>output</c>, or <c>output_0</c>, <c>output_1</c>, ….</summary>
    public IReadOnlyList<string>? OutputNames { get; init; }

    /// <summary>True for a model of any batch size, false for one of the examples' own sizes alone.</summary>
    public bool DynamicBatch { get; init; } = true;
}
