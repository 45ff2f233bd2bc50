using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Our model, its optimizer and its training step.</summary>
internal sealed class MlpOurs
{
    private readonly Sequential model;
    private readonly Func<Tensor, Tensor, double> step;

    /// <param name="mlp">What to train.</param>
    /// <param name="compiled">One compiled step, or the plain lazy loop.</param>
    public MlpOurs(Mlp mlp, bool compiled)
    {
        var keys = RandomKey.FromSeed(0).Split(mlp.Sizes.Length - 1);
        var layers = new List<Module>();
        for (var i = 0; i < keys.Length; i++)
        {
            if (i > 0) layers.Add(new Relu());
            layers.Add(new Linear(mlp.Sizes[i], mlp.Sizes[i + 1], keys[i]));
        }
        model = new(layers);
        var parameters = model.Parameters();
        var shapes = parameters.Values.Select(parameter => parameter.Shape);
        model.Update(parameters.WithArrays([.. mlp.Weights.Zip(shapes, (values, shape) => NdArray.From<float>(values, shape))]));

        Optimizer optimizer = mlp.Rule == Rule.SGD ? new Sgd(0.1) : new Adam(0.001, biasCorrection: true);
        step = compiled ? Compiled(optimizer) : Plain(optimizer);
    }

    /// <summary>Trains on a batch and reads its loss.</summary>
    public double Step(Tensor images, Tensor labels) => step(images, labels);

    public float[] Weights() => [.. model.Parameters().ToArrays().SelectMany(array => array.ToArray<float>())];

    /// <summary>Mean loss and accuracy.</summary>
    public float[] Evaluate(Tensor images, Tensor labels)
    {
        var logits = model.Forward(images);
        var loss = Losses.CrossEntropy(logits, labels, reduction: Reduction.Mean);
        var accuracy = (logits.ArgMax() == labels).AsType(DType.Float32).Mean();
        return [loss.Item<float>(), accuracy.Item<float>()];
    }

    private Tensor Loss(Tensor images, Tensor labels) => Losses.CrossEntropy(model.Forward(images), labels, reduction: Reduction.Mean);

    private Func<Tensor, Tensor, double> Compiled(Optimizer optimizer)
    {
        var compiled = CompileStep(model, optimizer, Loss);
        return (images, labels) => compiled.Invoke(images, labels);
    }

    private Func<Tensor, Tensor, double> Plain(Optimizer optimizer)
    {
        var lossAndGradients = ValueAndGrad(model, Loss);
        return (images, labels) =>
        {
            var (loss, gradients) = lossAndGradients(images, labels);
            optimizer.Update(model, gradients);
            Tensor.Eval([loss, .. model.Parameters().Values]);
            return loss.Item<float>();
        };
    }
}
