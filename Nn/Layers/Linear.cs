namespace ManagedFed.Nn;

/// <summary>y = x·Wᵀ + b: (…, inputs) → (…, outputs).</summary>
public sealed class Linear : Module
{
    /// <summary>A layer with weight (outputs, inputs) and bias (outputs), both uniform in ±1/√inputs.</summary>
    /// <param name="inputs">The size of the last axis of the input, at least 1.</param>
    /// <param name="outputs">The size of the last axis of the output, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="bias">False for a layer without b.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public Linear(int inputs, int outputs, RandomKey key, bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        var (weightKey, biasKey) = key.Split();
        var bound = 1 / Math.Sqrt(inputs);
        Weight = Parameter("weight", Init.Symmetric(weightKey, [outputs, inputs], bound, dtype));
        if (bias) Bias = Parameter("bias", Init.Symmetric(biasKey, [outputs], bound, dtype));
    }

    /// <summary>W, of shape (outputs, inputs).</summary>
    public Parameter Weight { get; }

    /// <summary>b, of shape (outputs), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings => $"{Weight.Shape[1]} → {Weight.Shape[0]}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The last axis has another size.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.Expect("linear", x, Weight.Shape[1]);
        return Bias is null ? x.MatMul(Weight.T) : Tensor.AddMM(Bias, x, Weight.T);
    }
}
