using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>The training loop as our own samples write it.</summary>
internal sealed class MlpOurs : ISide
{
    private readonly MlpProblem problem;
    private readonly bool returnWeights;
    private readonly Tensor images, labels, testImages, testLabels;
    private readonly Tensor[] orders;
    private readonly NdArray[] weights;
    private Sequential model;

    public MlpOurs(MlpProblem problem, bool returnWeights)
    {
        this.problem = problem;
        this.returnWeights = returnWeights;
        images = Tensor.From<float>(problem.Images, [problem.Labels.Length, problem.Sizes[0]]);
        labels = Tensor.From<int>(problem.Labels);
        testImages = Tensor.From<float>(problem.TestImages, [problem.TestLabels.Length, problem.Sizes[0]]);
        testLabels = Tensor.From<int>(problem.TestLabels);
        orders = [.. problem.Orders.Select(order => Tensor.From<int>(order))];
        model = Build();
        var shapes = model.Parameters().Values.Select(parameter => parameter.Shape);
        weights = [.. problem.Weights.Zip(shapes, (values, shape) => NdArray.From<float>(values, shape))];
    }

    public void Run()
    {
        model = Build();
        model.Update(model.Parameters().WithArrays(weights));
        var optimizer = new Sgd(MlpProblem.LearningRate);
        var lossAndGradients = ValueAndGrad(model, (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        foreach (var order in orders)
        {
            for (var start = 0; start < order.Count; start += problem.BatchSize)
            {
                var batch = order[start..Math.Min(start + problem.BatchSize, (int)order.Count)];
                var (_, gradients) = lossAndGradients(images[batch], labels[batch]);
                optimizer.Update(model, gradients);
                Tensor.Eval(model.Parameters().Values);
            }
        }
    }

    public float[] Result()
    {
        if (returnWeights) return [.. model.Parameters().ToArrays().SelectMany(array => array.ToArray<float>())];
        var logits = model.Forward(testImages);
        var loss = Losses.CrossEntropy(logits, testLabels, reduction: Reduction.Mean);
        var accuracy = (logits.ArgMax() == testLabels).AsType(DType.Float32).Mean();
        return [loss.Item<float>(), accuracy.Item<float>()];
    }

    private Sequential Build()
    {
        var keys = RandomKey.FromSeed(0).Split(problem.Sizes.Length - 1);
        var layers = new List<Module>();
        for (var i = 0; i < keys.Length; i++)
        {
            if (i > 0) layers.Add(new Relu());
            layers.Add(new Linear(problem.Sizes[i], problem.Sizes[i + 1], keys[i]));
        }
        return new(layers);
    }
}
