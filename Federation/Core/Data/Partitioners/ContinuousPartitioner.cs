namespace ManagedFed.Federation.Data;

/// <summary>Rows are sorted by a number blended with noise, strictness·z + (1−strictness)·N(0, 1), and cut evenly.</summary>
/// <param name="NumPartitions">The number of partitions, at least 1 and at most the number of rows.</param>
/// <param name="PartitionBy">The column of numbers; z is that column with mean 0 and deviation 1.</param>
/// <param name="Strictness">0 for a random division, 1 for a sorted one.</param>
/// <param name="Shuffle">Whether the rows of each partition are put in random order, else they are sorted by the blend.</param>
/// <param name="Seed">The seed of noise and order; null for another division each time.</param>
/// <remarks>Rows of the same blend keep their order; NumPy's sort, which Flower uses, may swap them where there are more than 16 rows.</remarks>
public sealed record ContinuousPartitioner(int NumPartitions, string PartitionBy, double Strictness, bool Shuffle = true, ulong? Seed = 42) : RowPartitioner
{
    /// <summary>The number of partitions.</summary>
    public int NumPartitions { get; } = AtLeastOne(NumPartitions, nameof(NumPartitions));

    /// <summary>The column of numbers.</summary>
    public string PartitionBy { get; } = Name(PartitionBy);

    /// <summary>How much the numbers count, 0 to 1.</summary>
    public double Strictness { get; } = Strictness is >= 0 and <= 1
        ? Strictness : throw new ArgumentException($"[continuous] strictness is {Strictness}, expected 0 to 1");

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Assign(Table table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckEnough(NumPartitions, table);
        var numbers = table.Array(PartitionBy).Reshape([table.Count]).AsType(DType.Float32).ToArray<float>();
        var missing = Array.FindIndex(numbers, float.IsNaN);
        if (missing >= 0) throw new ArgumentException($"[continuous] column '{PartitionBy}' is NaN in row {missing}");
        Standardize(numbers);
        var generator = NumpyGenerator.Of(Seed);
        double[] blend = [.. numbers.Select(z => (float)Strictness * z + (1 - Strictness) * generator.Normal(0, 1))];
        int[] order = [.. Enumerable.Range(0, table.Count).OrderBy(row => blend[row])];
        var end = 0;
        return Finish(Cut(order, EvenSizes(order.Length, NumPartitions).Select(size => end += size)), Shuffle, generator);
    }

    // In float32 from sum to root, as Flower does.
    private void Standardize(float[] numbers)
    {
        var mean = (float)((double)NumpySum.Of<float>(numbers) / numbers.Length);
        float[] squares = [.. numbers.Select(number => (number - mean) * (number - mean))];
        var deviation = MathF.Sqrt((float)((double)NumpySum.Of<float>(squares) / numbers.Length));
        if (!(deviation >= 1e-6f))
        {
            if (Strictness > 0)
            {
                throw new ArgumentException($"[continuous] column '{PartitionBy}' has deviation {deviation}: its numbers are all but equal; divide by another column or set strictness to 0");
            }
            Array.Clear(numbers);
            return;
        }
        foreach (ref var number in numbers.AsSpan()) number = (number - mean) / deviation;
    }
}
