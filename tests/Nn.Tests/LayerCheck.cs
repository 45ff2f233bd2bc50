using ManagedFed.Nn;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>What every layer's test asks.</summary>
internal static class LayerCheck
{
    /// <summary>Names and shapes of all parameters and persistent buffers, in order.</summary>
    public static void HasParameters(Module layer, params (string Name, Shape Shape)[] expected) =>
        Assert.Equal(expected, layer.Parameters().Select(entry => (entry.Key, entry.Value.Shape)));

    /// <summary>Finite differences of the output by the input and all trained parameters, of a float64 layer.</summary>
    public static void HasRightGradients(Module layer, Tensor x, Func<Tensor, Tensor>? forward = null)
    {
        var parameters = layer.TrainableParameters();
        GradCheck.Check(
            v =>
            {
                layer.Update(new(parameters.Keys.Zip(v.Skip(1), KeyValuePair.Create)), strict: false);
                return (forward ?? layer.Forward)(v[0]);
            },
            [x, .. parameters.Values],
            order: 1);
        layer.Update(parameters, strict: false);
    }

    /// <summary>Replaces all parameters by numbers in (−1, 1).</summary>
    public static TModule Randomised<TModule>(this TModule layer, int seed = 1) where TModule : Module
    {
        layer.Apply(x => Tensor.From<double>(Doubles(seed++, (int)x.Count), x.Shape).AsType(x.DType));
        return layer;
    }

    public static Tensor Random(int seed, Shape shape) => Tensor.From<double>(Doubles(seed, (int)shape.Count), shape);

    public static void Refuses(string message, Func<object> action) => Assert.Equal(message, Assert.Throws<ArgumentException>(action).Message);
}
