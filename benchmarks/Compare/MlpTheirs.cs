using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using TorchTensor = TorchSharp.torch.Tensor;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>TorchSharp's model, optimizer and training step, as its own examples write them.</summary>
internal sealed class MlpTheirs : IDisposable
{
    private readonly Sequential model;
    private readonly optim.Optimizer optimizer;

    public MlpTheirs(Mlp mlp)
    {
        var modules = new List<(string, Module<TorchTensor, TorchTensor>)>();
        for (var i = 1; i < mlp.Sizes.Length; i++)
        {
            if (i > 1) modules.Add(($"relu{i}", ReLU()));
            modules.Add(($"linear{i}", Linear(mlp.Sizes[i - 1], mlp.Sizes[i])));
        }
        model = Sequential(modules);
        using (no_grad())
        {
            foreach (var (parameter, values) in model.parameters().Zip(mlp.Weights)) parameter.copy_(tensor(values).reshape(parameter.shape));
        }
        optimizer = mlp.Rule == Rule.SGD ? optim.SGD(model.parameters(), 0.1) : optim.Adam(model.parameters(), 0.001);
    }

    /// <summary>Trains on a batch and reads its loss.</summary>
    public float Step(TorchTensor images, TorchTensor labels)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var loss = functional.cross_entropy(model.forward(images), labels);
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }

    public float[] Weights()
    {
        using var scope = NewDisposeScope();
        return [.. model.parameters().SelectMany(parameter => parameter.reshape(-1).data<float>().ToArray())];
    }

    /// <summary>Mean loss and accuracy.</summary>
    public float[] Evaluate(TorchTensor images, TorchTensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var logits = model.forward(images);
        return [functional.cross_entropy(logits, labels).item<float>(), logits.argmax(1).eq(labels).to(float32).mean().item<float>()];
    }

    public void Dispose()
    {
        optimizer.Dispose();
        model.Dispose();
    }
}
