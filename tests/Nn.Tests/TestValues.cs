using ManagedFed.Nn;

namespace ManagedFed.Tests;

internal static class TestValues
{
    /// <summary>Numbers in (−1, 1) from a fixed seed.</summary>
    public static double[] Doubles(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() * 2 - 1)];
    }

    public static Tensor Matrix(int seed, int rows, int columns) => Tensor.From<double>(Doubles(seed, rows * columns), [rows, columns]);

    public static ParameterTree Tree(params (string Name, Tensor Value)[] entries) =>
        new(entries.Select(entry => KeyValuePair.Create(entry.Name, entry.Value)));

    public static void Close(double[] expected, Tensor actual, double tolerance)
    {
        var values = actual.AsType(DType.Float64).ToArray<double>();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - values[i]) <= tolerance * (1 + Math.Abs(expected[i])), $"[{i}] expected {expected[i]:r}, got {values[i]:r}");
        }
    }
}
