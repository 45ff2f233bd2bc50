namespace ManagedFed.Nn;

/// <summary>Turns gradients into new parameters, with a state of its own for each parameter.</summary>
/// <remarks>
/// New parameters and state are lazy. Evaluating the parameters, or reading the next loss, computes the state as well.
/// A subclass says how one parameter changes; the state, the step counter and the schedule are kept here.
/// </remarks>
public abstract class Optimizer
{
    private readonly OrderedDictionary<string, Tensor[]> state = [];
    private readonly string name;
    private readonly string[] slots;

    /// <summary>An optimizer without state yet.</summary>
    /// <param name="name">The name in messages.</param>
    /// <param name="schedule">The learning rate by step, counted from 0.</param>
    /// <param name="slots">The names of the state tensors that each parameter has.</param>
    protected Optimizer(string name, Func<long, double> schedule, params string[] slots)
    {
        this.name = name;
        Schedule = schedule;
        this.slots = slots;
    }

    /// <summary>The number of updates made.</summary>
    public long Step { get; private set; }

    /// <summary>The learning rate as a function of the step, counted from 0.</summary>
    public Func<long, double> Schedule
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value;
        }
    }

    /// <summary>The learning rate of the next update; setting it replaces the schedule by a constant.</summary>
    /// <exception cref="ArgumentException">The value is negative or not finite.</exception>
    public double LearningRate
    {
        get => Finite("learning rate", Schedule(Step));
        set => Schedule = Constant(Finite("learning rate", value));
    }

    /// <summary>The state as tensors named <c>parameter.slot</c>, such as <c>layers.0.weight.momentum</c>; empty before the first update.</summary>
    public ParameterTree State => new(state.SelectMany(entry => slots.Zip(entry.Value, (slot, tensor) => KeyValuePair.Create($"{entry.Key}.{slot}", tensor))));

    /// <summary>Continues from a saved <see cref="State"/> and <see cref="Step"/>.</summary>
    /// <exception cref="ArgumentException">The step is negative, or a name is not this optimizer's or has a partner missing; nothing has changed.</exception>
    public void Restore(ParameterTree state, long step)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (step < 0) Throw.Argument(name, $"step {step} is negative");
        var parameters = state.Keys.Select(key => key[..Math.Max(0, key.LastIndexOf('.'))]).Distinct().ToArray();
        var expected = parameters.SelectMany(parameter => slots.Select(slot => $"{parameter}.{slot}")).ToHashSet();
        if (!expected.SetEquals(state.Keys))
        {
            expected.SymmetricExceptWith(state.Keys);
            Throw.Argument(name, $"state is missing, or does not know, {string.Join(", ", expected)}; each parameter has {string.Join(", ", slots)}");
        }
        this.state.Clear();
        foreach (var parameter in parameters)
        {
            this.state[parameter] = Array.ConvertAll(slots, slot => Parameter.Keep(state[$"{parameter}.{slot}"]));
        }
        Step = step;
    }

    /// <summary>Replaces the module's parameters by updated ones.</summary>
    /// <exception cref="ArgumentException">A gradient's name, shape or type is not a parameter's; nothing has changed.</exception>
    public void Update(Module model, ParameterTree gradients)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Update(Apply(model.Parameters(), gradients));
    }

    /// <summary>The updated parameters; one without gradient stays as it is.</summary>
    /// <exception cref="ArgumentException">A gradient's name, shape or type is not a parameter's; nothing has changed.</exception>
    public ParameterTree Apply(ParameterTree parameters, ParameterTree gradients)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(gradients);
        ParameterTree.Refuse(name, [.. parameters.Extra(gradients), .. parameters.Unlike(gradients)]);
        foreach (var (key, tensors) in state)
        {
            if (!parameters.TryGetValue(key, out var parameter) || tensors.All(tensor => tensor.Shape == parameter.Shape)) continue;
            Throw.Argument(name, $"state of {key} has shape {tensors[0].Shape}, the parameter {parameter.Shape}");
        }
        var learningRate = LearningRate;
        Step++;
        return parameters.Map((key, parameter) => gradients.TryGetValue(key, out var gradient)
            ? Updated(key, parameter, gradient, learningRate)
            : parameter);
    }

    /// <summary>Scales all gradients by min(maxNorm/(norm + 10⁻⁶), 1), so that the norm over all of them is at most <paramref name="maxNorm"/>.</summary>
    /// <returns>The scaled gradients and the norm √Σg² before.</returns>
    /// <exception cref="ArgumentException">The largest norm is negative or not finite, or there are no gradients.</exception>
    public static (ParameterTree Gradients, Tensor Norm) ClipGradNorm(ParameterTree gradients, double maxNorm)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        if (!(maxNorm >= 0 && double.IsFinite(maxNorm))) Throw.Argument("clip_grad_norm", $"largest norm {maxNorm} is negative or not finite");
        if (gradients.Count == 0) Throw.Argument("clip_grad_norm", "there are no gradients");
        var norm = gradients.Values.Select(gradient => gradient.Square().Sum()).Aggregate((a, b) => a + b).Sqrt();
        var scale = Tensor.Minimum(maxNorm / (norm + 1e-6), 1);
        return (gradients.Map(gradient => gradient * scale.AsType(gradient.DType)), norm);
    }

    /// <summary>One parameter's new value.</summary>
    /// <param name="parameter">The present value w.</param>
    /// <param name="gradient">∂loss/∂w.</param>
    /// <param name="state">This parameter's state tensors in the order of the slots, zeros at first; replace them in place.</param>
    /// <param name="learningRate">λ of this step.</param>
    /// <param name="step">The number of this step, from 1.</param>
    protected abstract Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, double learningRate, long step);

    /// <summary>A schedule of one value.</summary>
    protected static Func<long, double> Constant(double learningRate) => _ => learningRate;

    /// <summary>A hyper-parameter that must be finite and not negative.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    protected double Finite(string what, double value)
    {
        if (!(value >= 0 && double.IsFinite(value))) Throw.Argument(name, $"{what} {value} is negative or not finite");
        return value;
    }

    private Tensor Updated(string key, Tensor parameter, Tensor gradient, double learningRate)
    {
        if (!state.TryGetValue(key, out var tensors)) state[key] = tensors = Array.ConvertAll(slots, _ => parameter.ZerosLike());
        var result = UpdateParameter(parameter, gradient, tensors, learningRate, Step);
        foreach (var tensor in tensors) Parameter.Keep(tensor);
        return Parameter.Keep(result);
    }
}
