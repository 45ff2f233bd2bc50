using ManagedFed.Nn;

namespace ManagedFed.Tests;

/// <summary>Two layers in a list and a buffer, as a user would write them.</summary>
internal sealed class Mlp : Module
{
    private readonly Linear[] layers;

    public Mlp(int[] sizes, RandomKey key, DType dtype = DType.Float32)
    {
        var keys = key.Split(sizes.Length - 1);
        layers = Children("layers", keys.Select((k, i) => new Linear(sizes[i], sizes[i + 1], k, dtype: dtype)));
    }

    public override Tensor Forward(Tensor x)
    {
        foreach (var layer in layers[..^1]) x = layer.Forward(x).Tanh();
        return layers[^1].Forward(x);
    }
}

/// <summary>A parameter between children, and a buffer.</summary>
internal sealed class Mixed : Module
{
    public Mixed()
    {
        var key = RandomKey.FromSeed(1);
        First = Child("first", new Linear(2, 3, key));
        Scale = Parameter("scale", Tensor.Ones([3]));
        Count = Buffer("count", Tensor.From(7));
        Last = Child("last", new Linear(3, 1, key, bias: false));
    }

    public Linear First { get; }

    public Parameter Scale { get; }

    public Parameter Count { get; }

    public Linear Last { get; }

    public void AddParameter(string name, Tensor value) => Parameter(name, value);

    public void AddChild(string name, Module module) => Child(name, module);

    public override Tensor Forward(Tensor x) => Last.Forward(First.Forward(x) * Scale);
}
