using ManagedFed.Nn;

namespace ManagedFed.Samples.MnistCnn;

/// <summary>Two convolutions, each with ReLU and pooling, and two linear layers: (n, 784) → (n, 10).</summary>
internal sealed class Cnn : Module
{
    private readonly Sequential layers;

    public Cnn(RandomKey key)
    {
        var keys = key.Split(4);
        layers = Child("layers", new Sequential(
            new Conv2d(1, 16, 5, keys[0], padding: 2), new Relu(), new MaxPool2d(2),
            new Conv2d(16, 32, 5, keys[1], padding: 2), new Relu(), new MaxPool2d(2),
            new Flatten(), new Linear(7 * 7 * 32, 128, keys[2]), new Relu(), new Linear(128, 10, keys[3])));
    }

    public override Tensor Forward(Tensor x) => layers.Forward(x.Reshape(-1, 28, 28, 1));
}
