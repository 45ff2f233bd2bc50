using ManagedFed.Nn;
using static ManagedFed.Tests.LayerCheck;

namespace ManagedFed.Tests;

public sealed class ConvLayerTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(3);

    [Fact]
    public void Conv2d_HasWeightsOfMlxsShapeAndABiasOfZeros()
    {
        var layer = new Conv2d(4, 6, 3, Key, groups: 2);
        HasParameters(layer, ("weight", [6, 3, 3, 2]), ("bias", [6]));
        Assert.All(layer.Bias!.Value.ToArray<float>(), b => Assert.Equal(0, b));

        // Uniform in ±1/√(2·9).
        var bound = 1 / MathF.Sqrt(18);
        Assert.All(layer.Weight.Value.ToArray<float>(), w => Assert.InRange(w, -bound, bound));
        Assert.InRange(new Conv2d(40, 60, 3, Key).Weight.Value.Max().Item<float>(), 0.99f / MathF.Sqrt(360), 1 / MathF.Sqrt(360));
    }

    [Fact]
    public void Conv1d_HasWeightsOfMlxsShape()
    {
        HasParameters(new Conv1d(4, 6, 3, Key), ("weight", [6, 3, 4]), ("bias", [6]));
        HasParameters(new Conv1d(4, 6, 3, Key, bias: false), ("weight", [6, 3, 4]));
    }

    // A window of ((1, 2), (3, 4)) over ((1, 2, 3), (4, 5, 6)): 1 + 4 + 12 + 20 and 2 + 6 + 15 + 24, plus 0.5.
    [Fact]
    public void Conv2d_OfHandNumbers_IsACrossCorrelation()
    {
        var layer = new Conv2d(1, 1, 2, Key);
        layer.Update(TestValues.Tree(("weight", Tensor.From<float>([1, 2, 3, 4], [1, 2, 2, 1])), ("bias", Tensor.From(0.5f))));
        TestValues.Close([37.5, 47.5], layer.Forward(Tensor.From<float>([1, 2, 3, 4, 5, 6], [1, 2, 3, 1])), 0);
    }

    [Fact]
    public void Layers_HaveTheGradientsOfFiniteDifferences()
    {
        HasRightGradients(new Conv2d(2, 3, 2, Key, stride: 2, padding: 1, dtype: DType.Float64).Randomised(), Random(1, [2, 4, 3, 2]));
        HasRightGradients(new Conv1d(2, 4, 3, Key, dilation: 2, groups: 2, dtype: DType.Float64).Randomised(), Random(2, [2, 7, 2]));
        HasRightGradients(new MaxPool2d(2), Random(3, [2, 4, 4, 2]));
        HasRightGradients(new AvgPool1d(3, stride: 1, padding: 1), Random(4, [2, 5, 2]));
    }

    [Fact]
    public void Pools_OfHandNumbers_TakeTheirWindows()
    {
        var x = Tensor.Arange(16).AsType(DType.Float32).Reshape(1, 4, 4, 1);
        TestValues.Close([5, 7, 13, 15], new MaxPool2d(2).Forward(x), 0);
        TestValues.Close([2.5, 4.5, 10.5, 12.5], new AvgPool2d(2).Forward(x), 0);
        TestValues.Close([1, 3], new MaxPool1d(2).Forward(x[0, 0].Reshape(1, 4, 1)), 0);
        TestValues.Close([1, 2], new AvgPool1d(3, stride: 1).Forward(x[0, 0].Reshape(1, 4, 1)), 0);
        Assert.Equal([1, 16], new Flatten().Forward(x).Shape);
    }

    [Fact]
    public void Layers_OfBadSizes_SayWhatWouldFit()
    {
        Refuses("[conv2d] input has shape (2, 3, 8, 8), expected (N, H, W, 3), channels last; give x.MoveAxis(1, -1), of shape (2, 8, 8, 3)", () => new Conv2d(3, 4, 3, Key).Forward(Tensor.Zeros([2, 3, 8, 8])));
        Refuses("[conv1d] input has shape (8, 2), expected (N, L, 2), channels last; give x.ExpandDims(0)", () => new Conv1d(2, 4, 3, Key).Forward(Tensor.Zeros([8, 2])));
        Refuses("[conv2d] 3 inputs and 4 outputs do not divide into 2 groups", () => new Conv2d(3, 4, 3, Key, groups: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Conv1d(0, 4, 3, Key));
    }
}
