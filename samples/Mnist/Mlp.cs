using ManagedFed.Nn;

namespace ManagedFed.Samples.Mnist;

/// <summary>Linear layers with ReLU between them: (n, inputs) → (n, classes).</summary>
internal sealed class Mlp : Module
{
    private readonly Linear[] layers;

    public Mlp(int inputs, int hiddenDim, int hiddenLayers, int classes, RandomKey key)
    {
        int[] sizes = [inputs, .. Enumerable.Repeat(hiddenDim, hiddenLayers), classes];
        layers = Children("layers", key.Split(sizes.Length - 1).Select((layerKey, i) => new Linear(sizes[i], sizes[i + 1], layerKey)));
    }

    public override Tensor Forward(Tensor x)
    {
        foreach (var layer in layers[..^1]) x = layer.Forward(x).Relu();
        return layers[^1].Forward(x);
    }
}
