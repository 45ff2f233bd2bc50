namespace ManagedFed.Nn;

/// <summary><see cref="Activations.PRelu"/> with slopes that are learnt.</summary>
public sealed class PRelu : Module
{
    /// <summary>A layer with equal slopes at first.</summary>
    /// <param name="count">1 for one slope, or the size of the input's last axis.</param>
    /// <param name="initial">The initial slope, finite.</param>
    /// <param name="dtype">The type of the slopes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1.</exception>
    /// <exception cref="ArgumentException">The slope is not finite.</exception>
    public PRelu(int count = 1, double initial = 0.25, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Interval.Finite.Check("prelu", "initial slope", initial);
        Weight = Parameter("weight", Tensor.Full([count], initial, dtype));
    }

    /// <summary>The slopes, of shape (count).</summary>
    public Parameter Weight { get; }

    private protected override string Settings => $"{Weight.Shape[0]}";

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
