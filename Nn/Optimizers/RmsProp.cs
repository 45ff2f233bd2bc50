namespace ManagedFed.Nn;

/// <summary>v ← α·v + (1−α)·g², w ← w − λ·g/(√v + ε) (Tieleman and Hinton 2012).</summary>
public sealed class RmsProp : Optimizer
{
    private readonly double alpha;
    private readonly double epsilon;

    /// <summary>RmsProp with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="alpha">α in [0, 1).</param>
    /// <param name="epsilon">ε in (0, ∞): without it 0 would be divided by 0.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public RmsProp(double learningRate, double alpha = 0.99, double epsilon = 1e-8)
        : this(Constant(learningRate), alpha, epsilon) => LearningRate = learningRate;

    /// <summary>RmsProp with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="RmsProp(double, double, double)"/>
    public RmsProp(Func<long, double> schedule, double alpha = 0.99, double epsilon = 1e-8)
        : base("rmsprop", schedule, "v")
    {
        this.alpha = Fraction("alpha", alpha);
        this.epsilon = Positive("epsilon", epsilon);
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var square = state[0] = state[0] * alpha + gradient.Square() * (1 - alpha);
        return parameter - gradient * numbers[0] / (square.Sqrt() + epsilon);
    }
}
