using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class LayerTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(42);

    // W = ((1, 2), (3, 4), (5, 6)), b = (10, 20, 30), x = (1, −1): x·Wᵀ + b = (−1, −1, −1) + b.
    [Fact]
    public void Linear_OfHandNumbers_IsXWTransposedPlusB()
    {
        var layer = new Linear(2, 3, Key);
        layer.Update(TestValues.Tree(("weight", Tensor.From<float>([1, 2, 3, 4, 5, 6], [3, 2])), ("bias", Tensor.From(10f, 20f, 30f))));
        TestValues.Close([9, 19, 29], layer.Forward(Tensor.From<float>([1, -1], [1, 2])), 0);
        TestValues.Close([9, 19, 29], layer.Forward(Tensor.From(1f, -1f)), 0);
        Assert.Equal([4, 5, 3], layer.Forward(Tensor.Zeros([4, 5, 2])).Shape);
    }

    [Fact]
    public void Linear_WithoutBias_HasAWeightOnly()
    {
        var layer = new Linear(2, 3, Key, bias: false);
        Assert.Equal(["weight"], layer.Parameters().Keys);
        Assert.Null(layer.Bias);
        TestValues.Close([0, 0, 0], layer.Forward(Tensor.Zeros([1, 2])), 0);
    }

    // Uniform in ±1/√100: all within, near both ends, variance (2k)²/12 = 1/300.
    [Fact]
    public void Linear_Initially_IsUniformWithinOneOverRootInputs()
    {
        var layer = new Linear(100, 400, Key);
        var weight = layer.Weight.Value.ToArray<float>();
        Assert.All(weight, w => Assert.InRange(w, -0.1f, 0.1f));
        Assert.InRange(weight.Max(), 0.0999f, 0.1f);
        Assert.InRange(weight.Min(), -0.1f, -0.0999f);
        Assert.Equal(1.0 / 300, weight.Average(w => (double)w * w), 1e-4);
        var bias = layer.Bias!.Value.ToArray<float>();
        Assert.All(bias, b => Assert.InRange(b, -0.1f, 0.1f));
        Assert.NotEqual(weight[..400], bias);
    }

    [Fact]
    public void Linear_OfEqualKeys_IsEqual()
    {
        Assert.Equal(new Linear(5, 6, Key).Weight.Value.ToArray<float>(), new Linear(5, 6, Key).Weight.Value.ToArray<float>());
        Assert.NotEqual(new Linear(5, 6, Key).Weight.Value.ToArray<float>(), new Linear(5, 6, Key.Split().First).Weight.Value.ToArray<float>());
    }

    [Fact]
    public void Linear_OfAnInputThatDoesNotFit_SaysWhatWould()
    {
        var error = Assert.Throws<ArgumentException>(() => new Linear(784, 32, Key).Forward(Tensor.Zeros([256, 28, 28])));
        Assert.Equal("[linear] input has shape (256, 28, 28), expected (..., 784)", error.Message);
        Assert.Throws<ArgumentException>(() => new Linear(784, 32, Key).Forward(Tensor.Scalar(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Linear(0, 1, Key));
    }

    [Fact]
    public void Sequential_OfLayers_AppliesThemInOrder()
    {
        var first = new Linear(2, 2, Key);
        var model = new Sequential(first, new Relu(), new Linear(2, 1, Key));
        var x = Tensor.From<float>([1, 2], [1, 2]);
        var expected = model.Layers[2].Forward(first.Forward(x).Relu()).ToArray<float>();
        Assert.Equal(expected, model.Forward(x).ToArray<float>());
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"], model.Parameters().Keys);
    }

    // 100,000 draws with p = 0.3: the share of zeros has a standard deviation of √(0.21/10⁵) = 0.00145; 5 of them.
    [Fact]
    public void Dropout_InTraining_DropsTheShareAndScalesTheRest()
    {
        var y = new Dropout(0.3, Key).Forward(Tensor.Full([100_000], 7)).ToArray<float>();
        Assert.Equal(0.3, y.Count(v => v == 0) / 1e5, 0.0073);
        Assert.All(y, v => Assert.True(v == 0 || MathF.Abs(v - 10) < 1e-5f));
    }

    [Fact]
    public void Dropout_OfEqualKeys_DrawsEqualMasksAndNewOnesEachPass()
    {
        var (a, b) = (new Dropout(0.5, Key), new Dropout(0.5, Key));
        var x = Tensor.Ones([256]);
        var first = a.Forward(x).ToArray<float>();
        Assert.Equal(first, b.Forward(x).ToArray<float>());
        Assert.NotEqual(first, a.Forward(x).ToArray<float>());
    }

    [Fact]
    public void Dropout_InEvaluationOrWithoutProbability_IsTheIdentity()
    {
        var x = Tensor.Ones([4]);
        var dropout = new Dropout(0.5, Key);
        dropout.Eval();
        Assert.Same(x, dropout.Forward(x));
        Assert.Same(x, new Dropout(0, Key).Forward(x));
    }

    [Fact]
    public void Dropout_Gradient_PassesWhereTheValueDid()
    {
        var x = Tensor.Ones([64]);
        var gradient = Transforms.Grad(v => new Dropout(0.5, Key).Forward(v).Sum())(x);
        Assert.Equal(new Dropout(0.5, Key).Forward(x).ToArray<float>(), gradient.ToArray<float>());
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Dropout_OfAProbabilityOutsideItsRange_IsRefused(double p) => Assert.Throws<ArgumentException>(() => new Dropout(p, Key));
}
