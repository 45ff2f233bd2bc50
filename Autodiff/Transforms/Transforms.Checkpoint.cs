using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

public static partial class Transforms
{
    /// <summary>
    /// The same function, whose intermediate values are computed once more for its gradient instead of being kept until then:
    /// memory for time.
    /// </summary>
    /// <remarks>
    /// The function is called once; what it did is computed again, so it need not be free of effects such as a buffer's new
    /// value. Gradients reach the arguments and what it captures, such as a module's parameters. Outside of a transform it is
    /// the function itself.
    /// (T. Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174.)
    /// </remarks>
    public static Func<Tensor, Tensor> Checkpoint(Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var checkpointed = Checkpoint((Tensor[] v) => [f(v[0])]);
        return x => checkpointed(x)[0];
    }

    /// <summary>The same function, computed once more for its gradient; of any number of arguments and results.</summary>
    public static VariadicFunction Checkpoint(Func<Tensor[], Tensor[]> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return arguments =>
        {
            Tensor[] x = [.. arguments];
            Called.Expect("checkpoint", x);
            var recording = new Recording(f, x);
            if (!Array.Exists(recording.Sources, source => source.IsTraced)) return recording.Outputs;

            // Waiting for the cotangent makes the second computation another one than the first, and not begin before it is needed.
            return new CustomFunction(v => recording.Build(v))
            {
                Vjp = (primals, cotangents, _) => Vjp(
                    v => recording.Build([.. v]), [.. primals.Select(primal => Tensor.Apply(Depends.Instance, [primal, .. cotangents]))], cotangents).Gradients,
                Jvp = (primals, tangents) => Jvp(v => recording.Build([.. v]), primals, tangents).Tangents,
            }.Wrap(recording.Outputs, recording.Sources);
        };
    }
}
