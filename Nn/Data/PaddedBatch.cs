namespace ManagedFed.Nn.Data;

/// <summary>A batch of a fixed number of rows, of which the first <paramref name="Count"/> are examples and the others repeat the first.</summary>
/// <param name="Inputs">Shape (size, …).</param>
/// <param name="Labels">Shape (size, …).</param>
/// <param name="Mask">float32 of shape (size,): 1 for an example, 0 for padding. A loss weighted by it, summed and divided by the count, is the examples' mean.</param>
/// <param name="Count">The number of examples, at least 1.</param>
public sealed record PaddedBatch(NdArray Inputs, NdArray Labels, NdArray Mask, int Count)
{
    /// <summary>The numbers of examples and rows, shapes and types.</summary>
    public override string ToString() =>
        $"PaddedBatch of {Count} examples in {Mask.Count} rows: inputs {Inputs.Shape} {Inputs.DType.Name()}, labels {Labels.Shape} {Labels.DType.Name()}";
}

/// <summary>Batches of one size, so that a compiled step sees one shape.</summary>
public static class PaddedBatches
{
    /// <summary>The batches of one epoch; the last is filled up.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="batchSize">Rows per batch, at least 1.</param>
    /// <param name="key">The order is that of <see cref="Batches.Shuffled"/>; null for the order of the data.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size is below 1.</exception>
    public static IEnumerable<PaddedBatch> Padded(this Dataset data, int batchSize, RandomKey? key = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return Make(data, batchSize, key);
    }

    private static IEnumerable<PaddedBatch> Make(Dataset data, int batchSize, RandomKey? key)
    {
        var batches = key is { } drawn ? Batches.Shuffled(data.Count, batchSize, drawn) : Enumerable.Range(0, data.Count).Chunk(batchSize);
        foreach (var indices in batches)
        {
            var rows = new int[batchSize];
            Array.Fill(rows, indices[0]);
            indices.CopyTo(rows, 0);
            var mask = new float[batchSize];
            mask.AsSpan(0, indices.Length).Fill(1);
            var (inputs, labels) = (data.Inputs.GatherRows(rows), data.Labels.GatherRows(rows));
            yield return new(inputs, labels, NdArray.From<float>(mask, [batchSize]), indices.Length);
        }
    }
}
