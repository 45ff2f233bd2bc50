namespace ManagedFed.Benchmarks;

/// <summary>Arrays for kernels to read.</summary>
internal static class Arrays
{
    /// <summary>Uniform in −1 … 1.</summary>
    public static NdArray Random(int rows, int columns)
    {
        var random = new Random(1);
        return NdArray.From<float>([.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() * 2 - 1)], [rows, columns]);
    }
}
