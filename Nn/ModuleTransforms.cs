using ManagedFed.Graph;
using ManagedFed.Ops;

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
public static partial class ModuleTransforms
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

    /// <summary>A training step of two inputs, such as images and labels, as one compiled program; see <see cref="CompiledStep"/>.</summary>
    public static CompiledStep CompileStep(Module model, Optimizer optimizer, Func<Tensor, Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        return CompileStep(model, optimizer, inputs => loss(inputs[0], inputs[1]));
    }

    /// <summary>A training step of any number of inputs as one compiled program.</summary>
    public static CompiledStep CompileStep(Module model, Optimizer optimizer, Func<Tensor[], Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(loss);
        return new(model, optimizer, inputs => (loss(inputs), null));
    }

    /// <summary>A function of one input that reads the module, sees its changes and updates its buffers, as a compiled program.</summary>
    /// <remarks>Once parameters were frozen, or the mode changed between training and evaluation, calling it is refused.</remarks>
    public static Func<Tensor, Tensor> Compile(Module model, Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(f);
        var guard = new ModuleGuard(model);
        var compiled = new CompiledFunction(inputs => [f(inputs[0])], [.. model.NamedState().Select(entry => entry.Value.Cell)]);
        return x =>
        {
            guard.Check();
            return compiled.Invoke(x)[0];
        };
    }

    /// <summary>The value, an extra result and the gradients of a loss without inputs.</summary>
    internal static (Tensor Loss, TExtra Extra, ParameterTree Gradients) ValueAndGrad<TExtra>(Module model, Func<(Tensor Loss, TExtra Extra)> loss) => Run(model, loss);

    private static (Tensor, ParameterTree) Run(Module model, Func<Tensor> loss)
    {
        var (value, _, gradients) = Run(model, () => (loss(), 0));
        return (value, gradients);
    }

    private static (Tensor, TExtra, ParameterTree) Run<TExtra>(Module model, Func<(Tensor Loss, TExtra Extra)> loss)
    {
        ArgumentNullException.ThrowIfNull(model);
        var state = model.NamedState().ToArray();
        using var scope = StateScope.Open();
        scope.ReadAll([.. state.Select(entry => entry.Value.Cell), .. state.Select(entry => entry.Value.Frozen), .. model.NamedModules().Select(entry => entry.Value.Mode)]);
        var cells = Array.FindAll(state, entry => entry.Value.IsTrainable);
        var values = Array.ConvertAll(cells, cell => cell.Value.Value);
        var extra = default(TExtra)!;
        var (outputs, gradients) = Transforms.Differentiate(values, aliases =>
        {
            for (var i = 0; i < cells.Length; i++) StateScope.Current!.Substitute(cells[i].Value.Cell, aliases[i]);
            var buffers = Array.FindAll(state, entry => entry.Value.IsBuffer);
            var before = Array.ConvertAll(buffers, entry => entry.Value.Value);
            (var value, extra) = loss();
            return [Computing([.. buffers.Select(entry => entry.Value.Value).Where((now, i) => !ReferenceEquals(now, before[i]))], value)];
        });
        scope.Commit("value_and_grad");
        return (outputs[0], extra, new(cells.Zip(gradients, (cell, gradient) => KeyValuePair.Create(cell.Key, gradient))));

        // Nothing else might ask for a buffer's new value, and the graphs of all steps would pile up behind it.
        static Tensor Computing(Tensor[] changed, Tensor value) => changed.Length == 0 ? value : Tensor.Apply(Depends.Instance, [value, .. changed]);
    }
}
