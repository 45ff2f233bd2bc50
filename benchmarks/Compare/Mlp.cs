using ManagedFed.Benchmarks.Limits;
using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>A rule by which parameters learn.</summary>
internal enum Rule
{
    /// <summary>Gradient descent with rate 0.1.</summary>
    SGD,

    /// <summary>Adam with rate 0.001 and bias correction.</summary>
    Adam,
}

/// <summary>Images and labels as both engines take them.</summary>
/// <param name="Images">(N, 784) pixels, 0 to 1, row by row.</param>
/// <param name="Labels">N labels, 0 to 9.</param>
internal sealed record Examples(float[] Images, int[] Labels)
{
    public static Examples From(Dataset data) => new(data.Inputs.ToArray<float>(), data.Labels.ToArray<int>());

    /// <summary>The batch with this number, in the order of the examples.</summary>
    public Examples Batch(int number, int size)
    {
        var width = Images.Length / Labels.Length;
        return new(Images.AsSpan(number * size * width, size * width).ToArray(), Labels.AsSpan(number * size, size).ToArray());
    }
}

/// <summary>What both engines train: a multilayer perceptron with ReLU, cross-entropy and given initial weights.</summary>
/// <param name="Sizes">The widths from input to output, such as 784, 32, 32, 10.</param>
/// <param name="BatchSize">Examples per step.</param>
/// <param name="Rule">How it learns.</param>
internal sealed record Mlp(int[] Sizes, int BatchSize, Rule Rule)
{
    /// <summary>For each layer its (out, in) weight and its bias, uniform in ±1/√in.</summary>
    public float[][] Weights { get; } = InitialWeights(Sizes);

    public string Name => $"{string.Join('-', Sizes)}, batch {BatchSize}, {Rule}";

    /// <summary>The arithmetic of a step: forward, the weights' gradients, and the inputs' of all layers but the first.</summary>
    public Cost.Arithmetic Cost
    {
        get
        {
            var products = Sizes.Zip(Sizes.Skip(1), (inputs, outputs) => (double)inputs * outputs).ToArray();
            return new(2.0 * BatchSize * (3 * products.Sum() - products[0]));
        }
    }

    private static float[][] InitialWeights(int[] sizes)
    {
        var random = new Random(20260101);
        var weights = new List<float[]>();
        for (var i = 1; i < sizes.Length; i++)
        {
            weights.Add(Uniform(sizes[i] * sizes[i - 1], sizes[i - 1]));
            weights.Add(Uniform(sizes[i], sizes[i - 1]));
        }
        return [.. weights];

        float[] Uniform(int count, int inputs) =>
            [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) / MathF.Sqrt(inputs))];
    }
}
