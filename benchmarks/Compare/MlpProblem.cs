using ManagedFed.Nn.Data;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>What both engines train: data, initial weights and the order of the examples.</summary>
/// <param name="Images">(N, 784) pixels, 0 to 1, row by row.</param>
/// <param name="Labels">N labels, 0 to 9.</param>
/// <param name="TestImages">Like Images, for the final check.</param>
/// <param name="TestLabels">Like Labels.</param>
/// <param name="Sizes">The widths from input to output, such as 784, 32, 32, 10.</param>
/// <param name="Weights">For each layer its (out, in) weight and its bias.</param>
/// <param name="Orders">One permutation of the examples per epoch.</param>
internal sealed record MlpProblem(
    float[] Images, int[] Labels, float[] TestImages, int[] TestLabels, int[] Sizes, float[][] Weights, int[][] Orders)
{
    public const float LearningRate = 0.1f;

    public int BatchSize { get; init; } = 256;

    /// <summary>The steps of one run.</summary>
    public int Steps => Orders.Sum(order => (order.Length + BatchSize - 1) / BatchSize);

    /// <summary>MNIST for an MLP, with weights and biases uniform in ±1/√inputs.</summary>
    public static MlpProblem Create(TrainTest mnist, int epochs, params int[] sizes)
    {
        var random = new Random(20260101);
        var weights = new List<float[]>();
        for (var i = 1; i < sizes.Length; i++)
        {
            weights.Add(Uniform(sizes[i] * sizes[i - 1], sizes[i - 1]));
            weights.Add(Uniform(sizes[i], sizes[i - 1]));
        }
        var orders = new int[epochs][];
        for (var i = 0; i < epochs; i++) random.Shuffle(orders[i] = [.. Enumerable.Range(0, mnist.Train.Count)]);
        return new(
            mnist.Train.Inputs.ToArray<float>(), mnist.Train.Labels.ToArray<int>(),
            mnist.Test.Inputs.ToArray<float>(), mnist.Test.Labels.ToArray<int>(), sizes, [.. weights], orders);

        float[] Uniform(int count, int inputs) =>
            [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) / MathF.Sqrt(inputs))];
    }

    /// <summary>The first steps of the first epoch.</summary>
    public MlpProblem First(int steps) => this with { Orders = [Orders[0][..(steps * BatchSize)]] };

    /// <summary>The row of this problem: results are the final test loss and accuracy, and all weights after 20 steps.</summary>
    public Work ToWork(string name)
    {
        var probe = First(20);
        return new(name, Steps, 0.01, () => new MlpOurs(this, false), () => new MlpTheirs(this, false))
        {
            Probe = new(name + ", weights after 20 steps", 20, 1e-5, () => new MlpOurs(probe, true), () => new MlpTheirs(probe, true)),
        };
    }
}
