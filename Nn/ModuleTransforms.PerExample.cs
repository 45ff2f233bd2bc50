using ManagedFed.Graph;

namespace ManagedFed.Nn;

public static partial class ModuleTransforms
{
    /// <summary>The loss and the gradients of each example of a batch by itself: <see cref="Transforms.Vmap(Func{Tensor, Tensor}, int, int)"/> of a module's gradients.</summary>
    /// <remarks>
    /// Differentially private training clips these one by one (Abadi et al., "Deep Learning with Differential Privacy",
    /// arXiv 1607.00133). All examples run in one pass; the gradients take the memory of the parameters times N. A random
    /// key of the module, such as that of dropout, draws the same numbers for all examples.
    /// </remarks>
    /// <param name="model">The module, which the loss function reads.</param>
    /// <param name="loss">Called once with batches of one example, of shapes (1, …); returns a scalar. It cannot read values.</param>
    /// <returns>
    /// A function of inputs and targets of N examples along their first axes. It gives losses of shape (N,), and gradients of
    /// shape (N, …) by the names of the trainable parameters.
    /// </returns>
    /// <exception cref="InvalidOperationException">When called: the loss changes a buffer depending on the example, as batch normalisation does in training.</exception>
    public static Func<Tensor, Tensor, (Tensor Losses, ParameterTree Gradients)> PerExampleValueAndGrad(
        Module model, Func<Tensor, Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        return (x, y) =>
        {
            var names = Array.Empty<string>();
            var buffers = model.NamedState().Where(entry => entry.Value.IsBuffer).ToArray();
            var results = Transforms.Vmap((Tensor[] example) =>
            {
                var (value, gradients) = Run(model, () => loss(example[0].ExpandDims(0), example[1].ExpandDims(0)));
                KeepBuffersAlike(buffers, example);
                names = [.. gradients.Keys];
                return [value, .. gradients.Values];
            })(x, y);
            return (results[0], new(names.Zip(results.Skip(1), KeyValuePair.Create)));
        };
    }

    /// <summary>Refuses new values that differ from example to example.</summary>
    private static void KeepBuffersAlike(KeyValuePair<string, Parameter>[] buffers, Tensor[] example)
    {
        Paths.Between(example, Array.ConvertAll(buffers, entry => entry.Value.Value), out var depends);
        var differing = Array.FindAll(buffers, entry => depends.GetValueOrDefault(entry.Value.Value));
        if (differing.Length == 0) return;
        Throw.Invalid("per_example", $"{string.Join(", ", differing.Select(entry => entry.Key))} would change with each example; use evaluation mode or another normalisation, such as GroupNorm");
    }
}
