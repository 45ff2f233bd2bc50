namespace ManagedFed.Nn;

/// <summary>m ← β₁·m + (1−β₁)·g, v ← β₂·v + (1−β₂)·g², w ← w − λ·m/(√v + ε) (Kingma and Ba 2015).</summary>
/// <remarks>
/// As in MLX the paper's bias correction is off unless asked for; it divides m by 1−β₁ᵗ and v by 1−β₂ᵗ, t from 1.
/// </remarks>
public class Adam : Optimizer
{
    private readonly double beta1;
    private readonly double beta2;
    private readonly double epsilon;
    private readonly bool biasCorrection;
    private readonly double weightDecay;

    /// <summary>Adam with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="beta1">β₁ in [0, 1).</param>
    /// <param name="beta2">β₂ in [0, 1).</param>
    /// <param name="epsilon">ε in (0, ∞): without it 0 would be divided by 0.</param>
    /// <param name="biasCorrection">True for the paper's formula.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public Adam(double learningRate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, bool biasCorrection = false)
        : this("adam", Constant(learningRate), beta1, beta2, epsilon, biasCorrection, 0) => LearningRate = learningRate;

    /// <summary>Adam with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="Adam(double, double, double, double, bool)"/>
    public Adam(Func<long, double> schedule, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, bool biasCorrection = false)
        : this("adam", schedule, beta1, beta2, epsilon, biasCorrection, 0)
    {
    }

    private protected Adam(
        string name, Func<long, double> schedule, double beta1, double beta2, double epsilon, bool biasCorrection, double weightDecay)
        : base(name, schedule, "m", "v")
    {
        this.beta1 = Fraction("beta1", beta1);
        this.beta2 = Fraction("beta2", beta2);
        this.epsilon = Positive("epsilon", epsilon);
        this.biasCorrection = biasCorrection;
        Note("bias correction", biasCorrection);
        this.weightDecay = NotNegative("weight decay", weightDecay);
    }

    /// <inheritdoc/>
    protected override int NumberCount => 3;

    /// <inheritdoc/>
    protected override void Numbers(double learningRate, long step, Span<double> numbers)
    {
        numbers[0] = biasCorrection ? learningRate / (1 - Math.Pow(beta1, step)) : learningRate;
        numbers[1] = biasCorrection ? 1 / Math.Sqrt(1 - Math.Pow(beta2, step)) : 1;
        numbers[2] = 1 - learningRate * weightDecay;
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var (learningRate, rootScale, decay) = (numbers[0], numbers[1], numbers[2]);
        if (weightDecay > 0) parameter *= decay;
        var mean = state[0] = state[0] * beta1 + gradient * (1 - beta1);
        var square = state[1] = state[1] * beta2 + gradient.Square() * (1 - beta2);
        var root = square.Sqrt();
        if (biasCorrection) root *= rootScale;
        return parameter - mean * learningRate / (root + epsilon);
    }
}
