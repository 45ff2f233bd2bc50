using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using TorchTensor = TorchSharp.torch.Tensor;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>The training loop as TorchSharp's own examples write it.</summary>
internal sealed class MlpTheirs : ISide
{
    private readonly MlpProblem problem;
    private readonly TorchTensor images, labels, testImages, testLabels;
    private readonly TorchTensor[] orders, weights;
    private readonly bool returnWeights;
    private Sequential model;

    public MlpTheirs(MlpProblem problem, bool returnWeights)
    {
        this.problem = problem;
        this.returnWeights = returnWeights;
        images = tensor(problem.Images).reshape(-1, problem.Sizes[0]);
        labels = tensor(problem.Labels, int64);
        testImages = tensor(problem.TestImages).reshape(-1, problem.Sizes[0]);
        testLabels = tensor(problem.TestLabels, int64);
        orders = [.. problem.Orders.Select(order => tensor(order, int64))];
        weights = [.. problem.Weights.Select(values => tensor(values))];
        model = Build();
    }

    public void Run()
    {
        model.Dispose();
        model = Build();
        using var optimizer = optim.SGD(model.parameters(), MlpProblem.LearningRate);
        foreach (var order in orders)
        {
            for (long start = 0; start < order.shape[0]; start += problem.BatchSize)
            {
                using var scope = NewDisposeScope();
                var batch = order.narrow(0, start, Math.Min(problem.BatchSize, order.shape[0] - start));
                optimizer.zero_grad();
                var loss = functional.cross_entropy(model.forward(images.index_select(0, batch)), labels.index_select(0, batch));
                loss.backward();
                optimizer.step();
            }
        }
    }

    public float[] Result()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (returnWeights) return [.. model.parameters().SelectMany(parameter => parameter.reshape(-1).data<float>().ToArray())];
        var logits = model.forward(testImages);
        var loss = functional.cross_entropy(logits, testLabels).item<float>();
        var accuracy = logits.argmax(1).eq(testLabels).to(float32).mean().item<float>();
        return [loss, accuracy];
    }

    private Sequential Build()
    {
        var modules = new List<(string, Module<TorchTensor, TorchTensor>)>();
        for (var i = 1; i < problem.Sizes.Length; i++)
        {
            if (i > 1) modules.Add(($"relu{i}", ReLU()));
            modules.Add(($"linear{i}", Linear(problem.Sizes[i - 1], problem.Sizes[i])));
        }
        var built = Sequential(modules);
        using var noGradient = no_grad();
        foreach (var (parameter, values) in built.parameters().Zip(weights)) parameter.copy_(values.reshape(parameter.shape));
        return built;
    }
}
