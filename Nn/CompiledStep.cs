using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>
/// One training step, recorded once for each combination of batch shapes and replayed: loss, gradients and the optimizer's
/// update in one. A replay allocates nothing on the managed heap, as long as each operation reads its inputs where they lie:
/// a strided view that must be copied first, and a sum that leaves fewer than four columns, cost a few hundred bytes.
/// </summary>
/// <remarks>
/// Parameters and optimizer state live in the step's memory between calls. Reading them, replacing them, loading weights
/// and other learning rates work as ever and are seen by the next call. Freezing parameters or leaving training mode after
/// the first call is refused: make a new step. Calls from several threads take turns.
/// </remarks>
public sealed class CompiledStep
{
    private readonly Optimizer optimizer;
    private readonly (Parameter Parameter, bool IsTrainable)[] parameters;
    private readonly (Module Module, bool Training)[] modules;
    private readonly double[] numbers;
    private readonly Compiler compiler;

    internal CompiledStep(Module model, Optimizer optimizer, Func<Tensor[], Tensor> loss)
    {
        this.optimizer = optimizer;
        parameters = [.. model.NamedParameters().Select(entry => (entry.Value, entry.Value.IsTrainable))];
        modules = [.. model.NamedModules().Select(entry => (entry.Value, entry.Value.Training))];
        numbers = new double[optimizer.StepNumbers];
        TensorCell[] cells = [.. parameters.Select(entry => entry.Parameter.Cell), .. optimizer.Cells(model.TrainableParameters())];
        compiler = new(cells, numbers.Length, (inputs, scalars) =>
        {
            var (value, gradients) = ModuleTransforms.ValueAndGrad(model, () => loss(inputs));
            model.Update(optimizer.Apply(model.Parameters(), gradients, dtype => Array.ConvertAll(scalars, scalar => scalar.AsType(dtype))));
            return [value];
        });
    }

    /// <summary>Traces, replays and graph sizes.</summary>
    public CompileStatistics Statistics => compiler.Statistics;

    /// <summary>Trains on one batch and returns its loss.</summary>
    /// <param name="inputs">What the loss function takes.</param>
    /// <exception cref="InvalidOperationException">Parameters were frozen or unfrozen, or the mode changed, since the step was made.</exception>
    public double Invoke(params ReadOnlySpan<Tensor> inputs)
    {
        foreach (var (parameter, isTrainable) in parameters)
        {
            if (parameter.IsTrainable != isTrainable) Throw.Invalid("compile", $"parameter {parameter.Name} was frozen or unfrozen since the step was compiled; compile it again");
        }
        foreach (var (module, training) in modules)
        {
            if (module.Training != training) Throw.Invalid("compile", "the module changed between training and evaluation since the step was compiled; compile it again");
        }
        optimizer.NextNumbers(numbers);
        var loss = compiler.Scalar(inputs, numbers);
        optimizer.CountStep();
        return loss;
    }
}
