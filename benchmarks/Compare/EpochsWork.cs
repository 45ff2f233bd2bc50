using ManagedFed.Benchmarks.Limits;
using TorchSharp;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>The row of whole epochs over shuffled examples, each batch gathered on the way; results are test loss and accuracy.</summary>
internal static class EpochsWork
{
    /// <param name="mlp">What to train.</param>
    /// <param name="epochs">Passes over the training examples.</param>
    /// <param name="data">Training and test examples.</param>
    public static Work Create(Mlp mlp, int epochs, Lazy<(Examples Train, Examples Test)> data)
    {
        var name = $"{(epochs == 10 ? "ten" : epochs)} epochs {mlp.Name}";
        return new(name, new Cost.Arithmetic(epochs * 60_000 / (double)mlp.BatchSize * mlp.Cost.Flops), 0.01, Ours, Theirs);

        ISide Ours()
        {
            var (train, test) = data.Value;
            var (images, labels) = Load(train);
            var orders = Orders(train.Labels.Length, epochs).Select(order => Tensor.From<int>(order)).ToArray();
            MlpOurs? model = null;
            return new Side(Run, () =>
            {
                Run();
                var (testImages, testLabels) = Load(test);
                return model!.Evaluate(testImages, testLabels);
            });

            void Run()
            {
                model = new(mlp, compiled: false);
                foreach (var order in orders)
                {
                    for (var start = 0; start < order.Count; start += mlp.BatchSize)
                    {
                        var batch = order[start..Math.Min(start + mlp.BatchSize, (int)order.Count)];
                        model.Step(images[batch], labels[batch]);
                    }
                }
            }

            (Tensor, Tensor) Load(Examples part) =>
                (Tensor.From<float>(part.Images, [part.Labels.Length, mlp.Sizes[0]]), Tensor.From<int>(part.Labels));
        }

        ISide Theirs()
        {
            var (train, test) = data.Value;
            var (images, labels) = Load(train);
            var orders = Orders(train.Labels.Length, epochs).Select(order => torch.tensor(order, torch.int64)).ToArray();
            MlpTheirs? model = null;
            return new Side(Run, () =>
            {
                Run();
                using var scope = torch.NewDisposeScope();
                var (testImages, testLabels) = Load(test);
                return model!.Evaluate(testImages, testLabels);
            }, [images, labels, .. orders]);

            void Run()
            {
                model?.Dispose();
                model = new(mlp);
                foreach (var order in orders)
                {
                    for (long start = 0; start < order.shape[0]; start += mlp.BatchSize)
                    {
                        using var scope = torch.NewDisposeScope();
                        var batch = order.narrow(0, start, Math.Min(mlp.BatchSize, order.shape[0] - start));
                        model.Step(images.index_select(0, batch), labels.index_select(0, batch));
                    }
                }
            }

            (torch.Tensor, torch.Tensor) Load(Examples part) =>
                (torch.tensor(part.Images).reshape(-1, mlp.Sizes[0]), torch.tensor(part.Labels, torch.int64));
        }
    }

    private static int[][] Orders(int count, int epochs)
    {
        var random = new Random(20260102);
        var orders = new int[epochs][];
        for (var i = 0; i < epochs; i++) random.Shuffle(orders[i] = [.. Enumerable.Range(0, count)]);
        return orders;
    }
}
