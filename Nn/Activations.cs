namespace ManagedFed.Nn;

/// <summary>Activation functions, element by element unless an axis is named.</summary>
/// <remarks>
/// Functions of float16 and bfloat16 are computed in a wider type and rounded once, their gradients too, and so are within one unit of
/// the last place of the exact ones, or 2⁻²¹ near 0, over the whole range. At ±∞ each has its limit, as 0 for
/// <see cref="Silu"/> at −∞. Numbers that shape a function must be finite and in the range its parameter names.
/// </remarks>
public static class Activations
{
    /// <summary>max(x, 0).</summary>
    public static Tensor Relu(Tensor x) => Checked(x).Relu();

    /// <summary>max(x, 0)².</summary>
    public static Tensor Relu2(Tensor x) => InWide(x, v => v.Relu().Square());

    /// <summary>min(max(x, 0), 6); the derivative at 0 and at 6 is 0.</summary>
    public static Tensor Relu6(Tensor x) => Tensor.Where(Checked(x) >= 6, Like(x, 6), x.Relu());

    /// <summary>x for x &gt; 0, else slope · x; the derivative at 0 is the slope.</summary>
    /// <exception cref="ArgumentException">The slope is not finite.</exception>
    public static Tensor LeakyRelu(Tensor x, double slope = 0.01)
    {
        Interval.Finite.Check("leaky_relu", "slope", slope);
        return slope == 0 ? Relu(x) : InWide(x, v => Tensor.Where(v > 0, v, v * slope));
    }

    /// <summary>x for x &gt; 0, else slope · x with slopes that are learnt (He et al. 2015).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="slope">A shape that broadcasts to x's, such as one number per channel.</param>
    public static Tensor PRelu(Tensor x, Tensor slope) =>
        Tensor.InWide(Checked(x), Checked(slope), static (v, factor) => Tensor.Where(v > 0, v, NotPositive(v) * factor));

    /// <summary>x for x &gt; 0, else α·(eˣ − 1) (Clevert et al. 2016).</summary>
    /// <exception cref="ArgumentException">α is not finite.</exception>
    public static Tensor Elu(Tensor x, double alpha = 1)
    {
        Interval.Finite.Check("elu", "alpha", alpha);
        return InWide(x, v => Tensor.Where(v > 0, v, NotPositive(v).Expm1() * alpha));
    }

    /// <summary>x for x &gt; 0, else α·(e^(x/α) − 1), whose derivative at 0 is 1 for every α &gt; 0 (Barron 2017).</summary>
    /// <exception cref="ArgumentException">α is not positive and finite.</exception>
    public static Tensor Celu(Tensor x, double alpha = 1)
    {
        Interval.Positive.Check("celu", "alpha", alpha);
        return InWide(x, v => Tensor.Where(v > 0, v, (NotPositive(v) / alpha).Expm1() * alpha));
    }

    /// <summary>1.0507·<see cref="Elu"/>(x, 1.67326), which keeps mean 0 and variance 1 (Klambauer et al. 2017).</summary>
    public static Tensor Selu(Tensor x) => InWide(x, static v => Elu(v, 1.6732632423543772) * 1.0507009873554805);

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static Tensor Sigmoid(Tensor x) => Checked(x).Sigmoid();

    /// <summary>log(1/(1 + e⁻ˣ)), also where that is too small for its logarithm.</summary>
    public static Tensor LogSigmoid(Tensor x) => InWide(x, static v => -Softplus(-v));

    /// <summary>tanh x.</summary>
    public static Tensor Tanh(Tensor x) => Checked(x).Tanh();

    /// <summary>min(max(x, low), high); the derivative is 1 at both ends.</summary>
    /// <exception cref="ArgumentException">low is greater than high, or either is not finite.</exception>
    public static Tensor HardTanh(Tensor x, double low = -1, double high = 1)
    {
        CheckEnds(low, high);
        return InWide(x, v => v.Clip(low, high));
    }

    /// <summary>x · Φ(x), Φ the normal distribution function: x·(1 + erf(x/√2))/2 (Hendrycks and Gimpel 2016).</summary>
    public static Tensor Gelu(Tensor x) => Gated(x, 40, static v => (v * Math.Sqrt(0.5)).Erf() * 0.5 + 0.5, DType.Float64);

    /// <summary>x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, within 5·10⁻⁴ of <see cref="Gelu"/>.</summary>
    /// <remarks>(1 + tanh u)/2 is σ(2u), which keeps its digits where u is far below 0.</remarks>
    public static Tensor GeluApprox(Tensor x) =>
        Gated(x, 30, static v => (v * (v.Square() * 0.044715 + 1) * Math.Sqrt(8 / Math.PI)).Sigmoid());

    /// <summary>x/(1 + e^(−1.702·x)), within 0.021 of <see cref="Gelu"/>.</summary>
    public static Tensor GeluFastApprox(Tensor x) => Gated(x, 500, static v => (v * 1.702).Sigmoid());

    /// <summary>x/(1 + e⁻ˣ), also called swish.</summary>
    public static Tensor Silu(Tensor x) => Gated(x, 800, static v => v.Sigmoid());

    /// <summary>x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019).</summary>
    public static Tensor HardSwish(Tensor x) => Gated(x, 3, static v => Relu6(v + 3) * (1.0 / 6));

    /// <summary>x·tanh(log(1 + eˣ)) (Misra 2020).</summary>
    public static Tensor Mish(Tensor x) => Gated(x, 800, static v => Softplus(v).Tanh());

    /// <summary>log(1 + eˣ) without overflow.</summary>
    public static Tensor Softplus(Tensor x) => InWide(x, static v => Tensor.LogAddExp(v, Like(v, 0)));

    /// <summary>x/(1 + |x|).</summary>
    public static Tensor Softsign(Tensor x) => InWide(x, static v =>
    {
        // Far out 1 − 1/(1 + |x|), whose derivative is no difference of equals.
        var near = v.Abs() <= 1;
        var inner = Tensor.Where(near, v, Like(v, 0));
        return Tensor.Where(near, inner / (inner.Abs() + 1), v.Sign() * (1 - 1 / (v.Abs() + 1)));
    });

    /// <summary>x where |x| &gt; λ, else 0.</summary>
    /// <exception cref="ArgumentException">λ is negative or not finite.</exception>
    public static Tensor HardShrink(Tensor x, double lambda = 0.5)
    {
        Interval.NotNegative.Check("hard_shrink", "lambda", lambda);
        return InWide(x, v => Tensor.Where(v.Abs() <= lambda, Like(v, 0), v));
    }

    /// <summary>x − λ·sign(x) where |x| &gt; λ, else 0.</summary>
    /// <exception cref="ArgumentException">λ is negative or not finite.</exception>
    public static Tensor SoftShrink(Tensor x, double lambda = 0.5)
    {
        Interval.NotNegative.Check("soft_shrink", "lambda", lambda);
        return InWide(x, v => Tensor.Where(v.Abs() <= lambda, Like(v, 0), v - v.Sign() * lambda));
    }

    /// <summary>1 where x &gt; threshold, else 0.</summary>
    /// <exception cref="ArgumentException">The threshold is not finite.</exception>
    public static Tensor Step(Tensor x, double threshold = 0)
    {
        Interval.Finite.Check("step", "threshold", threshold);
        return InWide(x, v => (v > threshold).AsType(v.DType));
    }

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
        return Composite.Of(x, v =>
        {
            var halves = v.Split(2, axis);
            return halves[0] * halves[1].Sigmoid();
        });
    }

    /// <summary>Refuses the ends of <see cref="HardTanh"/> that are none.</summary>
    internal static void CheckEnds(double low, double high)
    {
        Interval.Finite.Check("hard_tanh", "low", low);
        if (!(high >= low && double.IsFinite(high))) Throw.Argument("hard_tanh", $"high {high} lies outside [{low}, ∞), low being {low}");
    }

    /// <summary>x·gate(x) for a gate that is 0 below −bound and constant above bound to all digits, which makes the limits at ±∞.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="bound">Where the gate ends.</param>
    /// <param name="gate">A function of x limited to ±bound.</param>
    /// <param name="wide">What halves are computed in: float64 for a gate that is a difference of nearly equal numbers.</param>
    private static Tensor Gated(Tensor x, double bound, Func<Tensor, Tensor> gate, DType wide = DType.Float32) => Checked(x).InWide(
        v =>
        {
            var low = Tensor.Where(v < -bound, Like(v, -bound), v);
            return low * gate(Tensor.Where(v > bound, Like(v, bound), low));
        },
        wide);

    private static Tensor InWide(Tensor x, Func<Tensor, Tensor> f) => Checked(x).InWide(f);

    /// <summary>min(x, 0), so that the branch not taken cannot overflow; its derivative at 0 is 1.</summary>
    private static Tensor NotPositive(Tensor x) => Tensor.Where(x > 0, Like(x, 0), x);

    private static Tensor Like(Tensor x, double value) => Tensor.Scalar(value, x.DType);

    private static Tensor Checked(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x;
    }
}
