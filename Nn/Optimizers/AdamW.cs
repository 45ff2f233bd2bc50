namespace ManagedFed.Nn;

/// <summary>w ← w·(1 − λ·wd), then <see cref="Adam"/> (Loshchilov and Hutter 2019).</summary>
public sealed class AdamW : Adam
{
    /// <summary>AdamW with a constant learning rate.</summary>
    /// <param name="learningRate">λ in [0, ∞).</param>
    /// <param name="beta1">β₁ in [0, 1).</param>
    /// <param name="beta2">β₂ in [0, 1).</param>
    /// <param name="epsilon">ε in (0, ∞): without it 0 would be divided by 0.</param>
    /// <param name="weightDecay">wd in [0, ∞).</param>
    /// <param name="biasCorrection">True for the paper's formula.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public AdamW(
        double learningRate,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double epsilon = 1e-8,
        double weightDecay = 0.01,
        bool biasCorrection = false)
        : base("adamw", Constant(learningRate), beta1, beta2, epsilon, biasCorrection, weightDecay) => LearningRate = learningRate;

    /// <summary>AdamW with a learning rate λ that is a function of the step, from 0.</summary>
    /// <inheritdoc cref="AdamW(double, double, double, double, double, bool)"/>
    public AdamW(
        Func<long, double> schedule,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double epsilon = 1e-8,
        double weightDecay = 0.01,
        bool biasCorrection = false)
        : base("adamw", schedule, beta1, beta2, epsilon, biasCorrection, weightDecay)
    {
    }
}
