namespace ManagedFed.Nn;

/// <summary>m ← β₁·m + (1−β₁)·g, v ← max(β₂·v, |g|), w ← w − λ·m/(v + ε) (Kingma and Ba 2015, section 7.1).</summary>
/// <remarks>As in MLX, without the correction of m by 1−β₁ᵗ.</remarks>
public sealed class Adamax : Optimizer
{
    private readonly double beta1;
    private readonly double beta2;
    private readonly double epsilon;

    /// <summary>Adamax with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="beta1">β₁ in [0, 1).</param>
    /// <param name="beta2">β₂ in [0, 1).</param>
    /// <param name="epsilon">ε in (0, ∞): without it 0 would be divided by 0.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public Adamax(double learningRate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
        : this(Constant(learningRate), beta1, beta2, epsilon) => LearningRate = learningRate;

    /// <summary>Adamax with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="Adamax(double, double, double, double)"/>
    public Adamax(Func<long, double> schedule, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
        : base("adamax", schedule, "m", "v")
    {
        this.beta1 = Fraction("beta1", beta1);
        this.beta2 = Fraction("beta2", beta2);
        this.epsilon = Positive("epsilon", epsilon);
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var mean = state[0] = state[0] * beta1 + gradient * (1 - beta1);
        var largest = state[1] = Tensor.Maximum(state[1] * beta2, gradient.Abs());
        return parameter - mean * numbers[0] / (largest + epsilon);
    }
}
