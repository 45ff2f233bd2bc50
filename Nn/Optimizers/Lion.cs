namespace ManagedFed.Nn;

/// <summary>c = β₁·m + (1−β₁)·g, m ← β₂·m + (1−β₂)·g, w ← (1 − λ·wd)·w − λ·sign(c) (Chen et al. 2023).</summary>
/// <remarks>Each step moves every element by λ, so λ is best three to ten times smaller than for <see cref="AdamW"/>.</remarks>
public sealed class Lion : Optimizer
{
    private readonly double beta1;
    private readonly double beta2;
    private readonly double weightDecay;

    /// <summary>Lion with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="beta1">β₁ in [0, 1).</param>
    /// <param name="beta2">β₂ in [0, 1).</param>
    /// <param name="weightDecay">wd in [0, ∞).</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public Lion(double learningRate, double beta1 = 0.9, double beta2 = 0.99, double weightDecay = 0)
        : this(Constant(learningRate), beta1, beta2, weightDecay) => LearningRate = learningRate;

    /// <summary>Lion with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="Lion(double, double, double, double)"/>
    public Lion(Func<long, double> schedule, double beta1 = 0.9, double beta2 = 0.99, double weightDecay = 0)
        : base("lion", schedule, "m")
    {
        this.beta1 = Fraction("beta1", beta1);
        this.beta2 = Fraction("beta2", beta2);
        this.weightDecay = NotNegative("weight decay", weightDecay);
    }

    /// <inheritdoc/>
    protected override int NumberCount => 2;

    /// <inheritdoc/>
    protected override void Numbers(double learningRate, long step, Span<double> numbers)
    {
        numbers[0] = learningRate;
        numbers[1] = 1 - learningRate * weightDecay;
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var direction = (state[0] * beta1 + gradient * (1 - beta1)).Sign();
        state[0] = state[0] * beta2 + gradient * (1 - beta2);
        if (weightDecay > 0) parameter *= numbers[1];
        return parameter - direction * numbers[0];
    }
}
