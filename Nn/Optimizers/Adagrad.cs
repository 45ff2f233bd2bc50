namespace ManagedFed.Nn;

/// <summary>v ← v + g², w ← w − λ·g/(√v + ε) (Duchi, Hazan and Singer 2011).</summary>
public sealed class Adagrad : Optimizer
{
    private readonly double epsilon;

    /// <summary>Adagrad with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="epsilon">ε in (0, ∞): without it 0 would be divided by 0.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public Adagrad(double learningRate, double epsilon = 1e-8)
        : this(Constant(learningRate), epsilon) => LearningRate = learningRate;

    /// <summary>Adagrad with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="Adagrad(double, double)"/>
    public Adagrad(Func<long, double> schedule, double epsilon = 1e-8)
        : base("adagrad", schedule, "v")
    {
        this.epsilon = Positive("epsilon", epsilon);
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var square = state[0] += gradient.Square();
        return parameter - gradient * numbers[0] / (square.Sqrt() + epsilon);
    }
}
