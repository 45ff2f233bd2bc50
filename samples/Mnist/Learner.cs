using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Samples.Mnist;

/// <summary>The model, how it is trained and how it is judged: the part that federation does not change.</summary>
internal sealed class Learner
{
    private readonly Settings settings;
    private readonly Sgd optimizer;
    private readonly Func<Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> lossAndGradients;

    public Learner(Settings settings, int inputs, int classes = 10)
    {
        this.settings = settings;
        Model = new Mlp(inputs, settings.HiddenDim, settings.NumLayers, classes, RandomKey.FromSeed((ulong)settings.Seed));
        optimizer = new Sgd(settings.LearningRate);
        lossAndGradients = ValueAndGrad(Model, (x, y) => Losses.CrossEntropy(Model.Forward(x), y, reduction: Reduction.Mean));
    }

    public Mlp Model { get; }

    /// <summary>One pass over the examples in an order drawn from the key; returns their mean loss on the way.</summary>
    public double Train(Dataset data, RandomKey key, CancellationToken cancellation)
    {
        Tensor images = data.Inputs, labels = data.Labels;
        var total = 0.0;
        foreach (var indices in Batches.Shuffled(data.Count, settings.BatchSize, key))
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = Tensor.From<int>(indices);
            var (loss, gradients) = lossAndGradients(images[batch], labels[batch]);
            optimizer.Update(Model, gradients);
            Tensor.Eval([loss, .. Model.Parameters().Values]);
            total += loss.Item<float>() * indices.Length;
        }
        return total / data.Count;
    }

    /// <summary>The mean loss and the accuracy, 0 to 1, over the examples.</summary>
    public (double Loss, double Accuracy) Evaluate(Dataset data)
    {
        Tensor labels = data.Labels;
        var logits = Model.Forward(data.Inputs);
        var loss = Losses.CrossEntropy(logits, labels, reduction: Reduction.Mean);
        var accuracy = (logits.ArgMax() == labels).AsType(DType.Float32).Mean();
        Tensor.Eval(loss, accuracy);
        return (loss.Item<float>(), accuracy.Item<float>());
    }
}
