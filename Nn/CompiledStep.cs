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
    private readonly Func<Tensor[], (Tensor Loss, Tensor? Extra)> loss;
    private readonly IReadOnlyList<GradientTerm> terms;
    private readonly ModuleGuard guard;
    private readonly double[] numbers;
    private readonly Lazy<Compiler> compiler;
    private readonly double[] results = [double.NaN, double.NaN];

    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimizer.</param>
    /// <param name="loss">The loss, and one more scalar to be known after each step, or null: for all batches or for none.</param>
    /// <param name="terms">What changes the gradients, in order, before the optimizer takes them.</param>
    internal CompiledStep(
        Module model, Optimizer optimizer, Func<Tensor[], (Tensor Loss, Tensor? Extra)> loss, params IReadOnlyList<GradientTerm> terms)
    {
        this.model = model;
        this.optimizer = optimizer;
        this.loss = loss;
        this.terms = terms;
        guard = new(model);
        numbers = new double[optimizer.StepNumbers];
        optimizer.Claim(model, model.TrainableParameters().Keys);
        compiler = new(MakeCompiler);
    }

    /// <summary>Traces, replays and graph sizes.</summary>
    public CompileStatistics Statistics => compiler.Value.Statistics;

    /// <summary>The terms between gradients and update.</summary>
    internal IReadOnlyList<GradientTerm> Terms => terms;

    /// <summary>False once parameters were frozen or unfrozen, or a type or the mode changed, since the step was made.</summary>
    internal bool IsCurrent => guard.Change() is null;

    /// <summary>The graphs recorded so far, after simplification and fusion: which operations each pass over memory computes.</summary>
    /// <param name="format">Text or DOT.</param>
    /// <param name="fused">False to show the simplified graph without its passes.</param>
    public string PrintGraph(GraphFormat format = GraphFormat.Text, bool fused = true) => compiler.Value.Print(format, fused);

    /// <summary>What it did so far.</summary>
    public override string ToString() => $"{nameof(CompiledStep)} {Statistics}";

    /// <summary>Trains on one batch and returns its loss.</summary>
    /// <param name="inputs">What the loss function takes.</param>
    /// <exception cref="InvalidOperationException">Parameters were frozen or unfrozen, or the mode changed, since the step was made.</exception>
    public double Invoke(params ReadOnlySpan<Tensor> inputs) => Run(inputs).Loss;

    /// <summary>Trains on one batch; the extra result is NaN where the loss function gives none.</summary>
    /// <inheritdoc cref="Invoke"/>
    internal (double Loss, double Extra) Run(params ReadOnlySpan<Tensor> inputs)
    {
        if (StateScope.Current is not null) return RunInside(inputs.ToArray());
        lock (optimizer.Turn)
        {
            guard.Check();
            optimizer.NextNumbers(numbers);
            compiler.Value.Scalars(inputs, numbers, results);
            optimizer.CountStep();
            return (results[0], results[1]);
        }
    }

    /// <summary>The same step operation by operation, for what cannot be recorded; with a loss, it gives the same numbers.</summary>
    internal (double Loss, double Extra) RunUncompiled(params ReadOnlySpan<Tensor> inputs)
    {
        lock (optimizer.Turn)
        {
            guard.Check();
            var (value, extra) = Build(inputs.ToArray());
            Tensor.Eval([value, .. extra is null ? Array.Empty<Tensor>() : [extra], .. model.Parameters().Values, .. terms.SelectMany(term => term.Values.Values)]);
            return Read(value, extra);
        }
    }

    /// <summary>True when a batch of these shapes and types was recorded.</summary>
    internal bool IsRecorded(params ReadOnlySpan<Tensor> inputs) => compiler.IsValueCreated && compiler.Value.IsRecorded(inputs);

    private Compiler MakeCompiler()
    {
        TensorCell[] cells =
        [
            .. model.NamedState().Select(entry => entry.Value.Cell),
            .. optimizer.Cells(model.TrainableParameters()),
            .. terms.SelectMany(term => term.Cells),
        ];
        return new(cells, numbers.Length, (inputs, scalars) =>
        {
            var (value, extra, gradients) = ModuleTransforms.ValueAndGrad(model, () => loss(inputs));
            model.Update(optimizer.Apply(model.Parameters(), Changed(gradients), dtype => Array.ConvertAll(scalars, scalar => scalar.AsType(dtype))));
            return extra is null ? [value] : [value, extra];
        });
    }

    /// <summary>The same step, uncompiled: what it changes is true only when the transform around it has ended.</summary>
    private (double Loss, double Extra) RunInside(Tensor[] inputs)
    {
        guard.Check();
        var (value, extra) = Build(inputs);
        if (value.IsTraced) Throw.Argument("compile", "the step captures a tensor of a transform around it; call the step outside of that");
        return Read(value, extra);
    }

    private (Tensor Loss, Tensor? Extra) Build(Tensor[] inputs)
    {
        var (value, extra, gradients) = ModuleTransforms.ValueAndGrad(model, () => loss(inputs));
        if (!value.IsTraced) optimizer.Update(model, Changed(gradients));
        return (value, extra);
    }

    private ParameterTree Changed(ParameterTree gradients) =>
        terms.Aggregate(gradients, (now, term) => term.Apply(now, model.Parameters()));

    private static (double Loss, double Extra) Read(Tensor value, Tensor? extra) =>
        (value.AsType(DType.Float64).Item<double>(), extra?.AsType(DType.Float64).Item<double>() ?? double.NaN);
}
