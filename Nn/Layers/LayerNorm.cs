namespace ManagedFed.Nn;

/// <summary>(x − mean)/√(variance + ε)·scale + shift, over the last axis, with the biased variance (Ba, Kiros and Hinton 2016).</summary>
public sealed class LayerNorm : Module
{
    private readonly int size;
    private readonly double epsilon;

    /// <summary>A layer with scale 1 and shift 0 at first.</summary>
    /// <param name="size">The size of the last axis, at least 1.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="affine">False for a layer without scale and shift.</param>
    /// <param name="bias">False for a layer without shift.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public LayerNorm(int size, double epsilon = 1e-5, bool affine = true, bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        this.size = size;
        this.epsilon = Interval.Positive.Check("layer_norm", "epsilon", epsilon);
        if (affine) Weight = Parameter("weight", Tensor.Ones([size], dtype));
        if (affine && bias) Bias = Parameter("bias", Tensor.Zeros([size], dtype));
    }

    /// <summary>The scale, of shape (size), or null.</summary>
    public Parameter? Weight { get; }

    /// <summary>The shift, of shape (size), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings => $"{size}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The last axis has another size.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.Expect("layer_norm", x, size);
        return Normalisation.Affine(x, Weight, Bias, v => Normalisation.Over(v, epsilon, -1));
    }
}
