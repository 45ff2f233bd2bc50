using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>
/// One training step, recorded once for each combination of batch shapes and replayed: loss, gradients and the optimizer's
/// update in one. A replay allocates nothing on the managed heap, as long as each operation reads its inputs where they lie:
/// a strided view that must be copied first, and a sum that leaves fewer than four columns, cost a few hundred bytes.
/// </summary>
/// <remarks>
/// Parameters, buffers and optimizer state live in the step's memory between calls. Reading them, replacing them, loading
/// weights and other learning rates work as ever and are seen by the next call. Freezing parameters or leaving training mode
/// once the step is made is refused: make a new one. Calls from several threads take turns. A call that fails, while it is
/// recorded or while it runs, leaves everything as it was.
/// </remarks>
public sealed class CompiledStep
{
    private readonly Module model;
    private readonly Optimizer optimizer;
    private readonly Func<Tensor[], Tensor> loss;
    private readonly ModuleGuard guard;
    private readonly double[] numbers;
    private readonly Compiler compiler;

    internal CompiledStep(Module model, Optimizer optimizer, Func<Tensor[], Tensor> loss)
    {
        this.model = model;
        this.optimizer = optimizer;
        this.loss = loss;
        guard = new(model);
        numbers = new double[optimizer.StepNumbers];

        optimizer.Claim(model, model.TrainableParameters().Keys);
        TensorCell[] cells = [.. model.NamedState().Select(entry => entry.Value.Cell), .. optimizer.Cells(model.TrainableParameters())];
        compiler = new(cells, numbers.Length, (inputs, scalars) =>
        {
            var (value, gradients) = ModuleTransforms.ValueAndGrad(model, () => loss(inputs));
            model.Update(optimizer.Apply(model.Parameters(), gradients, dtype => Array.ConvertAll(scalars, scalar => scalar.AsType(dtype))));
            return [value];
        });
    }

    /// <summary>Traces, replays and graph sizes.</summary>
    public CompileStatistics Statistics => compiler.Statistics;

    /// <summary>The graphs recorded so far, after simplification and fusion: which operations each pass over memory computes.</summary>
    /// <param name="format">Text or DOT.</param>
    /// <param name="fused">False to show the simplified graph without its passes.</param>
    public string PrintGraph(GraphFormat format = GraphFormat.Text, bool fused = true) => compiler.Print(format, fused);

    /// <summary>What it did so far.</summary>
    public override string ToString() => $"{nameof(CompiledStep)} {Statistics}";

    /// <summary>Trains on one batch and returns its loss.</summary>
    /// <param name="inputs">What the loss function takes.</param>
    /// <exception cref="InvalidOperationException">Parameters were frozen or unfrozen, or the mode changed, since the step was made.</exception>
    public double Invoke(params ReadOnlySpan<Tensor> inputs)
    {
        if (StateScope.Current is not null) return InvokeInside(inputs.ToArray());
        lock (optimizer.Turn)
        {
            guard.Check();
            optimizer.NextNumbers(numbers);
            var value = compiler.Scalar(inputs, numbers);
            optimizer.CountStep();
            return value;
        }
    }

    /// <summary>The same step, uncompiled: what it changes is true only when the transform around it has ended.</summary>
    private double InvokeInside(Tensor[] inputs)
    {
        guard.Check();
        var (value, gradients) = ModuleTransforms.ValueAndGrad(model, () => loss(inputs));
        if (value.IsTraced) Throw.Argument("compile", "the step captures a tensor of a transform around it; call the step outside of that");
        optimizer.Update(model, gradients);
        return value.AsType(DType.Float64).Item<double>();
    }
}
