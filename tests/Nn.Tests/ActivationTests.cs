using ManagedFed.Nn;
using static ManagedFed.Nn.Activations;

namespace ManagedFed.Tests;

public sealed class ActivationTests
{
    private readonly Tensor x = Tensor.From(-2.0, -0.5, 0.0, 1.0, 3.0);

    [Fact]
    public void Activations_OfNumbers_FollowTheirFormulas()
    {
        Each(v => Math.Max(v, 0), Relu(x));
        Each(v => v > 0 ? v : 0.2 * v, LeakyRelu(x, 0.2));
        Each(v => 1 / (1 + Math.Exp(-v)), Sigmoid(x));
        Each(Math.Tanh, Tanh(x));
        Each(v => v / (1 + Math.Exp(-v)), Silu(x));
        var sum = x.ToArray<double>().Sum(Math.Exp);
        Each(v => Math.Exp(v) / sum, Softmax(x));
        Each(v => v - Math.Log(sum), LogSoftmax(x));
    }

    // Φ(1) = 0.841344746068543, Φ(−2) = 0.022750131948179, Φ(3) = 0.998650101968370, Φ(−0.5) = 0.308537538725987.
    [Fact]
    public void Gelu_OfNumbers_IsXTimesTheNormalDistribution() =>
        TestValues.Close([-0.045500263896358, -0.1542687693629935, 0, 0.841344746068543, 2.99595030590511], Gelu(x), 1e-13);

    [Fact]
    public void LeakyRelu_AtZero_HasTheSlopeAsDerivative() =>
        Assert.Equal(0.3, Transforms.Grad(v => LeakyRelu(v, 0.3))(Tensor.Scalar(0, DType.Float64)).Item<double>());

    [Fact]
    public void Activations_InFloat64_PassTheGradientCheck()
    {
        var matrix = TestValues.Matrix(4, 3, 4);
        GradCheck.Check(v => Gelu(v[0]), [matrix]);
        GradCheck.Check(v => Silu(v[0]), [matrix]);
        GradCheck.Check(v => LogSoftmax(v[0], 0), [matrix]);
    }

    private void Each(Func<double, double> formula, Tensor actual) =>
        TestValues.Close([.. x.ToArray<double>().Select(formula)], actual, 1e-14);
}
