namespace ManagedFed.Nn;

/// <summary>x/√(mean(x²) + ε)·scale over the last axis (Zhang and Sennrich 2019).</summary>
public sealed class RmsNorm : Module
{
    private readonly double epsilon;

    /// <summary>A layer with scale 1 at first.</summary>
    /// <param name="size">The size of the last axis, at least 1.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="dtype">The type of the scale.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public RmsNorm(int size, double epsilon = 1e-5, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        this.epsilon = Interval.Positive.Check("rms_norm", "epsilon", epsilon);
        Weight = Parameter("weight", Tensor.Ones([size], dtype));
    }

    /// <summary>The scale, of shape (size).</summary>
    public Parameter Weight { get; }

    private protected override string Settings => $"{Weight.Shape[0]}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The last axis has another size.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.Expect("rms_norm", x, Weight.Shape[0]);
        return Normalisation.Affine(x, Weight, null, v => v * (v.Square().Mean(-1, keepDims: true) + epsilon).Rsqrt());
    }
}
