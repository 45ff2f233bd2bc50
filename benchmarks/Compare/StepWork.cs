using TorchSharp;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Rows of single training steps over a few batches that lie ready; each step reads its loss.</summary>
internal static class StepWork
{
    private const int Batches = 4;
    private const int ComparedSteps = 20;

    /// <param name="mlp">What to train.</param>
    /// <param name="train">At least four batches.</param>
    /// <param name="compiled">Our compiled step, or our plain lazy loop.</param>
    public static Work Create(Mlp mlp, Lazy<Examples> train, bool compiled = true)
    {
        // Adam's first steps are about ±rate whatever the gradient's size, so rounding shows where that is nearly zero.
        var tolerance = mlp.Rule == Rule.SGD ? 1e-4 : 2e-3;
        var name = $"{(compiled ? "training" : "uncompiled")} step {mlp.Name}";
        return new(name, mlp.Cost, tolerance, () => Ours(mlp, train.Value, compiled), Theirs);

        ISide Theirs()
        {
            var model = new MlpTheirs(mlp);
            var batches = Take(mlp, train.Value).Select(batch =>
                (torch.tensor(batch.Images).reshape(mlp.BatchSize, -1), torch.tensor(batch.Labels, torch.int64))).ToArray();
            IDisposable[] owned = [.. batches.Select(batch => batch.Item1), .. batches.Select(batch => batch.Item2), model];
            return Create(batches, (images, labels) => model.Step(images, labels), model.Weights, owned);
        }
    }

    /// <summary>Our side alone.</summary>
    public static ISide Ours(Mlp mlp, Examples train, bool compiled)
    {
        var model = new MlpOurs(mlp, compiled);
        var batches = Take(mlp, train).Select(batch =>
            (Tensor.From<float>(batch.Images, [mlp.BatchSize, mlp.Sizes[0]]), Tensor.From<int>(batch.Labels))).ToArray();
        return Create(batches, model.Step, model.Weights);
    }

    private static IEnumerable<Examples> Take(Mlp mlp, Examples train) =>
        Enumerable.Range(0, Batches).Select(i => train.Batch(i, mlp.BatchSize));

    private static Side Create<T>((T Images, T Labels)[] batches, Func<T, T, double> step, Func<float[]> weights, params IDisposable[] owned)
    {
        var count = 0;
        return new(() => Step(), Result, owned);

        double Step()
        {
            var (images, labels) = batches[count++ % batches.Length];
            return step(images, labels);
        }

        float[] Result() => [.. Enumerable.Range(0, ComparedSteps).Select(_ => (float)Step()), .. weights()];
    }
}
