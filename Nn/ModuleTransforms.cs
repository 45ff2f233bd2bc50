namespace ManagedFed.Nn;

/// <summary>Differentiation with respect to a module's trainable parameters.</summary>
/// <remarks>
/// Each method gives a function that calls the loss function, which must return a scalar, and returns its value with a
/// gradient for each trainable parameter. All results are lazy: nothing is computed until it is read or given to
/// <see cref="Tensor.Eval(ReadOnlySpan{Tensor})"/>. An extra result, such as the logits, is passed through; a tensor
/// among it is best evaluated together with the loss. Import with <c>using static</c>.
/// </remarks>
/// <example>
/// <code>
/// var step = ValueAndGrad(model, (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
/// var (loss, gradients) = step(images, labels);
/// optimizer.Update(model, gradients);
/// Tensor.Eval([loss, .. model.Parameters().Values]);
/// </code>
/// </example>
public static class ModuleTransforms
{
    /// <summary>The value and gradients of a loss of one input.</summary>
    public static Func<Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad(Module model, Func<Tensor, Tensor> loss) =>
        x => Run(model, () => loss(x));

    /// <summary>The value and gradients of a loss of two inputs.</summary>
    public static Func<Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad(Module model, Func<Tensor, Tensor, Tensor> loss) =>
        (x, y) => Run(model, () => loss(x, y));

    /// <summary>The value and gradients of a loss of three inputs.</summary>
    public static Func<Tensor, Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad(
        Module model, Func<Tensor, Tensor, Tensor, Tensor> loss) => (x, y, z) => Run(model, () => loss(x, y, z));

    /// <summary>The value, an extra result and the gradients of a loss of one input.</summary>
    public static Func<Tensor, (Tensor Loss, TExtra Extra, ParameterTree Gradients)> ValueAndGrad<TExtra>(
        Module model, Func<Tensor, (Tensor Loss, TExtra Extra)> loss) => x => Run(model, () => loss(x));

    /// <summary>The value, an extra result and the gradients of a loss of two inputs.</summary>
    public static Func<Tensor, Tensor, (Tensor Loss, TExtra Extra, ParameterTree Gradients)> ValueAndGrad<TExtra>(
        Module model, Func<Tensor, Tensor, (Tensor Loss, TExtra Extra)> loss) => (x, y) => Run(model, () => loss(x, y));

    /// <summary>The value, an extra result and the gradients of a loss of three inputs.</summary>
    public static Func<Tensor, Tensor, Tensor, (Tensor Loss, TExtra Extra, ParameterTree Gradients)> ValueAndGrad<TExtra>(
        Module model, Func<Tensor, Tensor, Tensor, (Tensor Loss, TExtra Extra)> loss) => (x, y, z) => Run(model, () => loss(x, y, z));

    /// <summary>The value and gradients of a loss that is given the model and one input.</summary>
    public static Func<Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad<TModel>(
        TModel model, Func<TModel, Tensor, Tensor> loss) where TModel : Module => x => Run(model, () => loss(model, x));

    /// <summary>The value and gradients of a loss that is given the model and two inputs.</summary>
    public static Func<Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad<TModel>(
        TModel model, Func<TModel, Tensor, Tensor, Tensor> loss) where TModel : Module => (x, y) => Run(model, () => loss(model, x, y));

    /// <summary>The value and gradients of a loss that is given the model and three inputs.</summary>
    public static Func<Tensor, Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> ValueAndGrad<TModel>(
        TModel model, Func<TModel, Tensor, Tensor, Tensor, Tensor> loss) where TModel : Module => (x, y, z) => Run(model, () => loss(model, x, y, z));

    private static (Tensor, ParameterTree) Run(Module model, Func<Tensor> loss)
    {
        var (value, _, gradients) = Run(model, () => (loss(), 0));
        return (value, gradients);
    }

    private static (Tensor, TExtra, ParameterTree) Run<TExtra>(Module model, Func<(Tensor Loss, TExtra Extra)> loss)
    {
        ArgumentNullException.ThrowIfNull(model);
        var cells = model.NamedParameters().Where(entry => entry.Value.IsTrainable).ToArray();
        var values = Array.ConvertAll(cells, cell => cell.Value.Value);
        var extra = default(TExtra)!;
        try
        {
            var (outputs, gradients) = Transforms.Differentiate(values, aliases =>
            {
                Substitute(aliases);
                (var value, extra) = loss();
                return [value];
            });
            return (outputs[0], extra, new(cells.Zip(gradients, (cell, gradient) => KeyValuePair.Create(cell.Key, gradient))));
        }
        finally
        {
            Substitute(values);
        }

        void Substitute(Tensor[] tensors)
        {
            for (var i = 0; i < cells.Length; i++) cells[i].Value.Substitute(tensors[i]);
        }
    }
}
