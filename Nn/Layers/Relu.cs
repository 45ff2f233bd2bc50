namespace ManagedFed.Nn;

/// <summary>max(x, 0) as a layer.</summary>
public sealed class Relu : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Activations.Relu(x);
}
