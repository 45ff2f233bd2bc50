namespace ManagedFed.Nn;

/// <summary>Stochastic gradient descent: g ← g + wd·w, v ← μ·v + (1−τ)·g from v = 0, w ← w − λ·v.</summary>
/// <remarks>
/// Without momentum (μ = 0) it is w ← w − λ·g; with Nesterov's the step is g + μ·v. As in MLX the first step with
/// dampening τ is (1−τ)·g, where PyTorch takes g.
/// </remarks>
public sealed class Sgd : Optimizer
{
    private readonly double momentum;
    private readonly double weightDecay;
    private readonly double dampening;
    private readonly bool nesterov;

    /// <summary>Descent with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="momentum">μ in [0, ∞).</param>
    /// <param name="weightDecay">wd in [0, ∞).</param>
    /// <param name="dampening">τ in [0, 1].</param>
    /// <param name="nesterov">True for Nesterov's momentum, which needs μ &gt; 0 and τ = 0.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public Sgd(double learningRate, double momentum = 0, double weightDecay = 0, double dampening = 0, bool nesterov = false)
        : this(Constant(learningRate), momentum, weightDecay, dampening, nesterov) => LearningRate = learningRate;

    /// <summary>Descent with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="Sgd(double, double, double, double, bool)"/>
    public Sgd(Func<long, double> schedule, double momentum = 0, double weightDecay = 0, double dampening = 0, bool nesterov = false)
        : base("sgd", schedule, momentum == 0 ? [] : ["momentum"])
    {
        this.momentum = NotNegative("momentum", momentum);
        this.weightDecay = NotNegative("weight decay", weightDecay);
        this.dampening = Share("dampening", dampening);
        this.nesterov = nesterov;
        Note("nesterov", nesterov);
        if (nesterov && (momentum == 0 || dampening != 0))
        {
            Throw.Argument("sgd", $"Nesterov's momentum needs momentum > 0 and dampening 0, not {momentum} and {dampening}");
        }
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers)
    {
        var learningRate = numbers[0];
        if (weightDecay > 0) gradient += parameter * weightDecay;
        if (momentum == 0) return parameter - gradient * learningRate;
        var velocity = state[0] = state[0] * momentum + (dampening == 0 ? gradient : gradient * (1 - dampening));
        return parameter - (nesterov ? gradient + velocity * momentum : velocity) * learningRate;
    }

    private protected override double Move(double gradient, ref double velocity)
    {
        if (momentum == 0) return gradient;
        velocity = velocity * momentum + gradient * (1 - dampening);
        return nesterov ? gradient + velocity * momentum : velocity;
    }
}
