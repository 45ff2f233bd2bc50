namespace ManagedFed.Nn;

/// <summary><see cref="Activations.PRelu"/> with slopes that are learnt.</summary>
public sealed class PRelu : Module
{
    /// <summary>A layer with equal slopes at first.</summary>
    /// <param name="count">1 for one slope, or the size of the input's last axis.</param>
    /// <param name="initial">The initial slope.</param>
    /// <param name="dtype">The type of the slopes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1.</exception>
    public PRelu(int count = 1, double initial = 0.25, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Weight = Parameter("weight", Tensor.Full([count], initial, dtype));
    }

    /// <summary>The slopes, of shape (count).</summary>
    public Parameter Weight { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There are several slopes and the last axis has another size.</exception>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var count = Weight.Shape[0];
        if (count > 1) LayerInput.Expect("prelu", x, count);
        return Activations.PRelu(x, Weight);
    }
}
