namespace ManagedFed.Nn;

/// <summary>Activation functions, element by element unless an axis is named.</summary>
public static class Activations
{
    /// <summary>max(x, 0).</summary>
    public static Tensor Relu(Tensor x) => Checked(x).Relu();

    /// <summary>max(x, 0)².</summary>
    public static Tensor Relu2(Tensor x) => Relu(x).Square();

    /// <summary>min(max(x, 0), 6); the derivative at 0 and at 6 is 0.</summary>
    public static Tensor Relu6(Tensor x) => Tensor.Where(Checked(x) >= 6, Number(x, 6), x.Relu());

    /// <summary>x for x &gt; 0, else slope · x; the derivative at 0 is the slope.</summary>
    public static Tensor LeakyRelu(Tensor x, double slope = 0.01) => Tensor.Where(Checked(x) > 0, x, x * slope);

    /// <summary>x for x &gt; 0, else slope · x with slopes that are learnt (He et al. 2015).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="slope">A shape that broadcasts to x's, such as one number per channel.</param>
    public static Tensor PRelu(Tensor x, Tensor slope) => Tensor.Where(Checked(x) > 0, x, x * Checked(slope));

    /// <summary>x for x &gt; 0, else α·(eˣ − 1) (Clevert et al. 2016).</summary>
    public static Tensor Elu(Tensor x, double alpha = 1) => Tensor.Where(Checked(x) > 0, x, NotPositive(x).Expm1() * alpha);

    /// <summary>x for x &gt; 0, else α·(e^(x/α) − 1), whose derivative at 0 is 1 for every α &gt; 0 (Barron 2017).</summary>
    public static Tensor Celu(Tensor x, double alpha = 1) => Tensor.Where(Checked(x) > 0, x, (NotPositive(x) / alpha).Expm1() * alpha);

    /// <summary>1.0507·<see cref="Elu"/>(x, 1.67326), which keeps mean 0 and variance 1 (Klambauer et al. 2017).</summary>
    public static Tensor Selu(Tensor x) => Elu(x, 1.6732632423543772) * 1.0507009873554805;

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static Tensor Sigmoid(Tensor x) => Checked(x).Sigmoid();

    /// <summary>log(1/(1 + e⁻ˣ)), also where that is too small for its logarithm.</summary>
    public static Tensor LogSigmoid(Tensor x) => -Softplus(-Checked(x));

    /// <summary>tanh x.</summary>
    public static Tensor Tanh(Tensor x) => Checked(x).Tanh();

    /// <summary>min(max(x, low), high); the derivative is 1 at both ends.</summary>
    /// <exception cref="ArgumentException">low is greater than high.</exception>
    public static Tensor HardTanh(Tensor x, double low = -1, double high = 1) => Checked(x).Clip(low, high);

    /// <summary>x · Φ(x), Φ the normal distribution function: x·(1 + erf(x/√2))/2 (Hendrycks and Gimpel 2016).</summary>
    public static Tensor Gelu(Tensor x) => Checked(x) * ((x * Math.Sqrt(0.5)).Erf() + 1) * 0.5;

    /// <summary>x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, within 5·10⁻⁴ of <see cref="Gelu"/>.</summary>
    public static Tensor GeluApprox(Tensor x) =>
        Checked(x) * ((x * (x.Square() * 0.044715 + 1) * Math.Sqrt(2 / Math.PI)).Tanh() + 1) * 0.5;

    /// <summary>x/(1 + e^(−1.702·x)), within 0.021 of <see cref="Gelu"/>.</summary>
    public static Tensor GeluFastApprox(Tensor x) => Checked(x) * (x * 1.702).Sigmoid();

    /// <summary>x/(1 + e⁻ˣ), also called swish.</summary>
    public static Tensor Silu(Tensor x) => Checked(x) * x.Sigmoid();

    /// <summary>x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019).</summary>
    public static Tensor HardSwish(Tensor x) => Checked(x) * Relu6(x + 3) * (1.0 / 6);

    /// <summary>x·tanh(log(1 + eˣ)) (Misra 2020).</summary>
    public static Tensor Mish(Tensor x) => Checked(x) * Softplus(x).Tanh();

    /// <summary>log(1 + eˣ) without overflow.</summary>
    public static Tensor Softplus(Tensor x) => Tensor.LogAddExp(Checked(x), Number(x, 0));

    /// <summary>x/(1 + |x|).</summary>
    public static Tensor Softsign(Tensor x) => Checked(x) / (x.Abs() + 1);

    /// <summary>x where |x| &gt; λ, else 0.</summary>
    public static Tensor HardShrink(Tensor x, double lambda = 0.5) => Tensor.Where(Checked(x).Abs() <= lambda, Number(x, 0), x);

    /// <summary>x − λ·sign(x) where |x| &gt; λ, else 0.</summary>
    public static Tensor SoftShrink(Tensor x, double lambda = 0.5) => Tensor.Where(Checked(x).Abs() <= lambda, Number(x, 0), x - x.Sign() * lambda);

    /// <summary>1 where x &gt; threshold, else 0.</summary>
    public static Tensor Step(Tensor x, double threshold = 0) => (Checked(x) > threshold).AsType(x.DType);

    /// <summary>eˣ/Σ eˣ along an axis.</summary>
    public static Tensor Softmax(Tensor x, int axis = -1) => Checked(x).Softmax(axis);

    /// <summary>e⁻ˣ/Σ e⁻ˣ along an axis.</summary>
    public static Tensor Softmin(Tensor x, int axis = -1) => (-Checked(x)).Softmax(axis);

    /// <summary>x − log Σ eˣ along an axis.</summary>
    public static Tensor LogSoftmax(Tensor x, int axis = -1) => Checked(x).LogSoftmax(axis);

    /// <summary>a·σ(b) for the halves a and b of x along an axis (Dauphin et al. 2017).</summary>
    /// <exception cref="ArgumentException">The axis has an odd size.</exception>
    public static Tensor Glu(Tensor x, int axis = -1)
    {
        var size = Checked(x).Shape[x.Shape.Axis(axis, "glu")];
        if (size % 2 != 0) Throw.Argument("glu", $"axis {axis} of shape {x.Shape} has the odd size {size}, expected two halves");
        var halves = x.Split(2, axis);
        return halves[0] * halves[1].Sigmoid();
    }

    /// <summary>min(x, 0), so that the branch not taken cannot overflow; its derivative at 0 is 1.</summary>
    private static Tensor NotPositive(Tensor x) => Tensor.Where(x > 0, Number(x, 0), x);

    private static Tensor Number(Tensor x, double value) => Tensor.Scalar(value, x.DType);

    private static Tensor Checked(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x;
    }
}
