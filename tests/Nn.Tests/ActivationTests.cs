using ManagedFed.Nn;
using static ManagedFed.Nn.Activations;

namespace ManagedFed.Tests;

public sealed class ActivationTests
{
    private readonly Tensor x = Tensor.From(-7.0, -2.0, -0.5, -0.3, 0.0, 0.4, 1.0, 3.0, 6.5);

    /// <summary>Each as a function, as a layer, and as a formula on doubles.</summary>
    private static readonly Dictionary<string, (Func<Tensor, Tensor> Function, Module Layer, Func<double, double> Formula)> ByName = new()
    {
        ["identity"] = (v => v, new Identity(), v => v),
        ["relu"] = (Relu, new Relu(), v => Math.Max(v, 0)),
        ["relu2"] = (Relu2, new Relu2(), v => Math.Pow(Math.Max(v, 0), 2)),
        ["relu6"] = (Relu6, new Relu6(), v => Math.Clamp(v, 0, 6)),
        ["leaky_relu"] = (v => LeakyRelu(v, 0.2), new LeakyRelu(0.2), v => v > 0 ? v : 0.2 * v),
        ["prelu"] = (v => PRelu(v, Tensor.Scalar(0.3, DType.Float64)), new PRelu(1, 0.3, DType.Float64), v => v > 0 ? v : 0.3 * v),
        ["elu"] = (v => Elu(v, 0.7), new Elu(0.7), v => v > 0 ? v : 0.7 * (Math.Exp(v) - 1)),
        ["celu"] = (v => Celu(v, 0.7), new Celu(0.7), v => v > 0 ? v : 0.7 * (Math.Exp(v / 0.7) - 1)),
        ["selu"] = (Selu, new Selu(), v => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (Math.Exp(v) - 1))),
        ["sigmoid"] = (Sigmoid, new Sigmoid(), v => 1 / (1 + Math.Exp(-v))),
        ["log_sigmoid"] = (LogSigmoid, new LogSigmoid(), v => -Math.Log(1 + Math.Exp(-v))),
        ["tanh"] = (Tanh, new Tanh(), Math.Tanh),
        ["hard_tanh"] = (v => HardTanh(v, -2.5, 2), new HardTanh(-2.5, 2), v => Math.Clamp(v, -2.5, 2)),
        ["gelu_approx"] = (GeluApprox, new GeluApprox(), v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)))),
        ["gelu_fast_approx"] = (GeluFastApprox, new GeluFastApprox(), v => v / (1 + Math.Exp(-1.702 * v))),
        ["silu"] = (Silu, new Silu(), v => v / (1 + Math.Exp(-v))),
        ["hardswish"] = (HardSwish, new HardSwish(), v => v * Math.Clamp(v + 3, 0, 6) / 6),
        ["mish"] = (Mish, new Mish(), v => v * Math.Tanh(Math.Log(1 + Math.Exp(v)))),
        ["softplus"] = (Softplus, new Softplus(), v => Math.Log(1 + Math.Exp(v))),
        ["softsign"] = (Softsign, new Softsign(), v => v / (1 + Math.Abs(v))),
        ["hard_shrink"] = (v => HardShrink(v), new HardShrink(), v => Math.Abs(v) > 0.5 ? v : 0),
        ["softshrink"] = (v => SoftShrink(v, 0.4), new SoftShrink(0.4), v => v > 0.4 ? v - 0.4 : v < -0.4 ? v + 0.4 : 0),
        ["step"] = (v => Step(v, 0.4), new Step(0.4), v => v > 0.4 ? 1 : 0),
    };

    public static TheoryData<string> Names => [.. ByName.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Activation_OfNumbers_FollowsItsFormula(string name)
    {
        var (function, layer, formula) = ByName[name];
        double[] expected = [.. x.ToArray<double>().Select(formula)];
        TestValues.Close(expected, function(x), 1e-14);
        TestValues.Close(expected, layer.Forward(x), 1e-14);
        if (name != "prelu") Assert.Equal(DType.Float32, function(Tensor.From(0.5f)).DType);
        Assert.True(double.IsNaN(function(Tensor.From(double.NaN)).Item<double>()) || name == "step");
    }

    // Away from the kinks; a second derivative exists there too.
    [Theory]
    [MemberData(nameof(Names))]
    public void Activation_InFloat64_PassesTheGradientCheck(string name) =>
        GradCheck.Check(v => ByName[name].Function(v[0]), [Tensor.From(-7.0, -1.9, -0.7, -0.3, 0.2, 0.6, 1.7, 2.4, 6.5)]);

    [Theory]
    [InlineData("elu")]
    [InlineData("celu")]
    [InlineData("selu")]
    [InlineData("softplus")]
    [InlineData("log_sigmoid")]
    [InlineData("mish")]
    [InlineData("gelu_approx")]
    public void Gradient_FarOut_IsFinite(string name)
    {
        var function = ByName[name].Function;
        var gradient = Transforms.Grad(v => function(v).Sum())(Tensor.From(-1000f, 1000f));
        Assert.All(gradient.ToArray<float>(), g => Assert.True(float.IsFinite(g)));
    }

    [Theory]
    [InlineData("relu", 0, 0)]
    [InlineData("relu6", 6, 0)]
    [InlineData("elu", 0, 0.7)]
    [InlineData("celu", 0, 1)]
    [InlineData("leaky_relu", 0, 0.2)]
    [InlineData("prelu", 0, 0.3)]
    [InlineData("hard_tanh", 2, 1)]
    public void Gradient_AtTheKink_IsTheDocumentedOne(string name, double at, double expected) =>
        Assert.Equal(expected, Transforms.Grad(ByName[name].Function)(Tensor.Scalar(at, DType.Float64)).Item<double>(), 15);

    [Fact]
    public void Softmaxes_OfNumbers_FollowTheirFormulas()
    {
        var sum = x.ToArray<double>().Sum(Math.Exp);
        var inverse = x.ToArray<double>().Sum(v => Math.Exp(-v));
        Each(v => Math.Exp(v) / sum, Softmax(x));
        Each(v => Math.Exp(v) / sum, new Softmax().Forward(x));
        Each(v => Math.Exp(-v) / inverse, Softmin(x));
        Each(v => Math.Exp(-v) / inverse, new Softmin(0).Forward(x));
        Each(v => v - Math.Log(sum), LogSoftmax(x));
        Each(v => v - Math.Log(sum), new LogSoftmax().Forward(x));
    }

    // Φ(1) = 0.841344746068543, Φ(−2) = 0.022750131948179, Φ(3) = 0.998650101968370, Φ(−0.5) = 0.308537538725987.
    [Fact]
    public void Gelu_OfNumbers_IsXTimesTheNormalDistribution()
    {
        double[] expected = [-0.045500263896358, -0.1542687693629935, 0, 0.841344746068543, 2.99595030590511];
        var numbers = Tensor.From(-2.0, -0.5, 0.0, 1.0, 3.0);
        TestValues.Close(expected, Gelu(numbers), 1e-13);
        TestValues.Close(expected, new Gelu().Forward(numbers), 1e-13);
    }

    [Fact]
    public void GeluApproximations_StayWithinTheirBounds()
    {
        var grid = Tensor.Arange(-6, 6, 0.01, DType.Float64);
        Assert.InRange((GeluApprox(grid) - Gelu(grid)).Abs().Max().Item<double>(), 0, 5e-4);
        Assert.InRange((GeluFastApprox(grid) - Gelu(grid)).Abs().Max().Item<double>(), 0, 0.021);
    }

    // a = (1, 2), b = (0, log 3): a·σ(b) = (1/2, 2·3/4).
    [Fact]
    public void Glu_OfHalves_GatesTheFirstByTheSecond()
    {
        var halves = Tensor.From<double>([1, 2, 0, Math.Log(3)], [1, 4]);
        TestValues.Close([0.5, 1.5], Glu(halves), 1e-15);
        TestValues.Close([0.5, 1.5], new Glu(0).Forward(halves.T), 1e-15);
        var error = Assert.Throws<ArgumentException>(() => Glu(Tensor.Zeros([2, 3])));
        Assert.Equal("[glu] axis -1 of shape (2, 3) has the odd size 3, expected two halves", error.Message);
    }

    [Fact]
    public void PRelu_WithASlopePerChannel_LearnsThem()
    {
        var layer = new PRelu(3, dtype: DType.Float64);
        Assert.Equal(["weight"], layer.TrainableParameters().Keys);
        TestValues.Close([0.25, 0.25, 0.25], layer.Weight, 0);
        var (_, gradients) = ModuleTransforms.ValueAndGrad(layer, v => layer.Forward(v).Sum())(Tensor.From<double>([-1, 2, -3, -4, -5, 6], [2, 3]));
        TestValues.Close([-5, -5, -3], gradients["weight"], 0);
        var error = Assert.Throws<ArgumentException>(() => layer.Forward(Tensor.Zeros([3, 2])));
        Assert.Equal("[prelu] input has shape (3, 2), expected (..., 3)", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PRelu(0));
    }

    [Fact]
    public void Activation_OfAFunction_IsALayer()
    {
        var model = new Sequential(new Activation(v => v * 2), new Relu());
        Assert.Empty(model.Parameters());
        TestValues.Close([0, 4], model.Forward(Tensor.From(-1.0, 2.0)), 0);
        Assert.Throws<ArgumentNullException>(() => new Activation(null!));
    }

    private void Each(Func<double, double> formula, Tensor actual) =>
        TestValues.Close([.. x.ToArray<double>().Select(formula)], actual, 1e-14);
}
