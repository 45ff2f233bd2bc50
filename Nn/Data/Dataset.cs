namespace ManagedFed.Nn.Data;

/// <summary>Examples in memory: row i of the inputs belongs to row i of the labels.</summary>
public sealed record Dataset
{
    /// <summary>Examples from two arrays of equally many rows.</summary>
    /// <param name="inputs">Shape (n, …).</param>
    /// <param name="labels">Shape (n, …).</param>
    /// <exception cref="ArgumentException">The arrays have no rows, or differ in their number.</exception>
    public Dataset(NdArray inputs, NdArray labels)
    {
        if (inputs.Shape.Rank == 0 || labels.Shape.Rank == 0 || inputs.Shape[0] != labels.Shape[0])
        {
            throw new ArgumentException($"[dataset] inputs {inputs.Shape} and labels {labels.Shape} differ in their number of rows");
        }
        (Inputs, Labels) = (inputs, labels);
    }

    /// <summary>What the model sees, shape (n, …).</summary>
    public NdArray Inputs { get; }

    /// <summary>What it should say, shape (n, …).</summary>
    public NdArray Labels { get; }

    /// <summary>The number of examples.</summary>
    public int Count => Inputs.Shape[0];

    /// <summary>A copy of some examples, in the order given.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside 0 … Count−1.</exception>
    public Dataset Subset(ReadOnlySpan<int> indices) => new(Inputs.GatherRows(indices), Labels.GatherRows(indices));

    /// <summary>A view of the examples start … start+count−1.</summary>
    /// <exception cref="ArgumentException">The range leaves the data set.</exception>
    public Dataset Slice(int start, int count) => new(Inputs.Slice(0, start, count), Labels.Slice(0, start, count));

    /// <summary>The number of examples, shapes and types.</summary>
    public override string ToString() => $"Dataset of {Count} examples: inputs {Inputs.Shape} {Inputs.DType.Name()}, labels {Labels.Shape} {Labels.DType.Name()}";
}
