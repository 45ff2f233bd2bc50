namespace ManagedFed.Nn;

/// <summary>A function without parameters as a layer: <c>new Activation(x => x.Sin())</c>, or one of the named ones.</summary>
/// <param name="function">What <see cref="Forward"/> computes.</param>
public class Activation(Func<Tensor, Tensor> function) : Module
{
    private readonly Func<Tensor, Tensor> function = function ?? throw new ArgumentNullException(nameof(function));
    private readonly string settings = "";

    /// <summary>A layer whose text shows what it was made with.</summary>
    private protected Activation(Func<Tensor, Tensor> function, string settings) : this(function) => this.settings = settings;

    /// <summary>A function of a tensor and one number, checked when the layer is made.</summary>
    private protected Activation(Func<Tensor, double, Tensor> function, string op, string name, double number, Interval range)
        : this(x => function(x, number), FormattableString.Invariant($"{name} {range.Check(op, name, number)}"))
    {
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => function(x);

    private protected override string Settings => settings;
}

/// <summary>The input itself.</summary>
public sealed class Identity() : Activation(x => x);

/// <summary><see cref="Activations.Relu"/> as a layer.</summary>
public sealed class Relu() : Activation(Activations.Relu);

/// <summary><see cref="Activations.Relu2"/> as a layer.</summary>
public sealed class Relu2() : Activation(Activations.Relu2);

/// <summary><see cref="Activations.Relu6"/> as a layer.</summary>
public sealed class Relu6() : Activation(Activations.Relu6);

/// <summary><see cref="Activations.LeakyRelu"/> as a layer.</summary>
/// <param name="slope">The factor of negative inputs, finite.</param>
/// <exception cref="ArgumentException">The slope is not finite.</exception>
public sealed class LeakyRelu(double slope = 0.01) : Activation(Activations.LeakyRelu, "leaky_relu", "slope", slope, Interval.Finite);

/// <summary><see cref="Activations.Elu"/> as a layer.</summary>
/// <param name="alpha">α, finite.</param>
/// <exception cref="ArgumentException">α is not finite.</exception>
public sealed class Elu(double alpha = 1) : Activation(Activations.Elu, "elu", "alpha", alpha, Interval.Finite);

/// <summary><see cref="Activations.Celu"/> as a layer.</summary>
/// <param name="alpha">α in (0, ∞).</param>
/// <exception cref="ArgumentException">α is not positive and finite.</exception>
public sealed class Celu(double alpha = 1) : Activation(Activations.Celu, "celu", "alpha", alpha, Interval.Positive);

/// <summary><see cref="Activations.Selu"/> as a layer.</summary>
public sealed class Selu() : Activation(Activations.Selu);

/// <summary><see cref="Activations.Sigmoid"/> as a layer.</summary>
public sealed class Sigmoid() : Activation(Activations.Sigmoid);

/// <summary><see cref="Activations.LogSigmoid"/> as a layer.</summary>
public sealed class LogSigmoid() : Activation(Activations.LogSigmoid);

/// <summary><see cref="Activations.Tanh"/> as a layer.</summary>
public sealed class Tanh() : Activation(Activations.Tanh);

/// <summary><see cref="Activations.HardTanh"/> as a layer.</summary>
public sealed class HardTanh : Activation
{
    /// <summary>The layer with its two ends.</summary>
    /// <param name="low">The least output, finite.</param>
    /// <param name="high">The largest output, in [low, ∞).</param>
    /// <exception cref="ArgumentException">low is greater than high, or either is not finite.</exception>
    public HardTanh(double low = -1, double high = 1)
        : base(x => Activations.HardTanh(x, low, high), FormattableString.Invariant($"{low}..{high}")) => Activations.CheckEnds(low, high);
}

/// <summary><see cref="Activations.Gelu"/> as a layer.</summary>
public sealed class Gelu() : Activation(Activations.Gelu);

/// <summary><see cref="Activations.GeluApprox"/> as a layer.</summary>
public sealed class GeluApprox() : Activation(Activations.GeluApprox);

/// <summary><see cref="Activations.GeluFastApprox"/> as a layer.</summary>
public sealed class GeluFastApprox() : Activation(Activations.GeluFastApprox);

/// <summary><see cref="Activations.Silu"/> as a layer.</summary>
public sealed class Silu() : Activation(Activations.Silu);

/// <summary><see cref="Activations.HardSwish"/> as a layer.</summary>
public sealed class HardSwish() : Activation(Activations.HardSwish);

/// <summary><see cref="Activations.Mish"/> as a layer.</summary>
public sealed class Mish() : Activation(Activations.Mish);

/// <summary><see cref="Activations.Softplus"/> as a layer.</summary>
public sealed class Softplus() : Activation(Activations.Softplus);

/// <summary><see cref="Activations.Softsign"/> as a layer.</summary>
public sealed class Softsign() : Activation(Activations.Softsign);

/// <summary><see cref="Activations.HardShrink"/> as a layer.</summary>
/// <param name="lambda">λ in [0, ∞).</param>
/// <exception cref="ArgumentException">λ is negative or not finite.</exception>
public sealed class HardShrink(double lambda = 0.5) : Activation(Activations.HardShrink, "hard_shrink", "lambda", lambda, Interval.NotNegative);

/// <summary><see cref="Activations.SoftShrink"/> as a layer.</summary>
/// <param name="lambda">λ in [0, ∞).</param>
/// <exception cref="ArgumentException">λ is negative or not finite.</exception>
public sealed class SoftShrink(double lambda = 0.5) : Activation(Activations.SoftShrink, "soft_shrink", "lambda", lambda, Interval.NotNegative);

/// <summary><see cref="Activations.Step"/> as a layer.</summary>
/// <param name="threshold">Above it the output is 1; finite.</param>
/// <exception cref="ArgumentException">The threshold is not finite.</exception>
public sealed class Step(double threshold = 0) : Activation(Activations.Step, "step", "threshold", threshold, Interval.Finite);

/// <summary><see cref="Activations.Softmax"/> as a layer.</summary>
/// <param name="axis">The axis of the sum.</param>
public sealed class Softmax(int axis = -1) : Activation(x => Activations.Softmax(x, axis), $"axis {axis}");

/// <summary><see cref="Activations.Softmin"/> as a layer.</summary>
/// <param name="axis">The axis of the sum.</param>
public sealed class Softmin(int axis = -1) : Activation(x => Activations.Softmin(x, axis), $"axis {axis}");

/// <summary><see cref="Activations.LogSoftmax"/> as a layer.</summary>
/// <param name="axis">The axis of the sum.</param>
public sealed class LogSoftmax(int axis = -1) : Activation(x => Activations.LogSoftmax(x, axis), $"axis {axis}");

/// <summary><see cref="Activations.Glu"/> as a layer.</summary>
/// <param name="axis">The axis to halve.</param>
public sealed class Glu(int axis = -1) : Activation(x => Activations.Glu(x, axis), $"axis {axis}");
