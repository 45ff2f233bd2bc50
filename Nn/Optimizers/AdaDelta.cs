namespace ManagedFed.Nn;

/// <summary>v ← ρ·v + (1−ρ)·g², d = g·√(u + ε)/√(v + ε), u ← ρ·u + (1−ρ)·d², w ← w − λ·d (Zeiler 2012).</summary>
public sealed class AdaDelta : Optimizer
{
    private readonly double rho;
    private readonly double epsilon;

    /// <summary>AdaDelta with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="rho">ρ in [0, 1).</param>
    /// <param name="epsilon">ε in (0, ∞): with 0 nothing would ever move, for u starts from 0.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public AdaDelta(double learningRate, double rho = 0.9, double epsilon = 1e-6)
        : this(Constant(learningRate), rho, epsilon) => LearningRate = learningRate;

    /// <summary>AdaDelta with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="AdaDelta(double, double, double)"/>
    public AdaDelta(Func<long, double> schedule, double rho = 0.9, double epsilon = 1e-6)
        : base("adadelta", schedule, "v", "u")
    {
        this.rho = Fraction("rho", rho);
        this.epsilon = Positive("epsilon", epsilon);
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var square = state[0] = state[0] * rho + gradient.Square() * (1 - rho);
        var step = gradient * (state[1] + epsilon).Sqrt() / (square + epsilon).Sqrt();
        state[1] = state[1] * rho + step.Square() * (1 - rho);
        return parameter - step * numbers[0];
    }
}
