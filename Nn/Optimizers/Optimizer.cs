using System.Globalization;
using System.Text;
using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>Turns gradients into new parameters, with a state of its own for each parameter.</summary>
/// <remarks>
/// New parameters and state are lazy. Evaluating the parameters, or reading the next loss, computes the state as well.
/// A subclass says how one parameter changes; the state, the step counter and the schedule are kept here.
/// An optimizer serves one model: state belongs to the parameters it was made for, and to update others of the same names with it is
/// refused. <see cref="Restore"/> hands it over to another model, such as one that was read from a file.
/// State of float16 and bfloat16 parameters is float32, and so is the step, which is rounded once at the end: one that is less than
/// half a unit of the parameter's last place changes nothing.
/// </remarks>
public abstract class Optimizer
{
    private readonly OrderedDictionary<string, TensorCell[]> state = [];
    private readonly ValueCell<long> step = new("step", 0);
    private readonly Dictionary<string, Parameter> owners = [];
    private readonly OrderedDictionary<string, object> settings = [];
    private readonly string name;
    private readonly string[] slots;

    /// <summary>An optimizer without state yet.</summary>
    /// <param name="name">The name in messages.</param>
    /// <param name="schedule">The learning rate by step, counted from 0.</param>
    /// <param name="slots">The names of the state tensors that each parameter has.</param>
    protected Optimizer(string name, Func<long, double> schedule, params string[] slots)
    {
        this.name = name;
        ArgumentNullException.ThrowIfNull(schedule);
        Schedule = schedule;
        this.slots = slots;
    }

    /// <summary>The number of updates made.</summary>
    public long Step
    {
        get => step.Value;
        private set => step.Value = value;
    }

    /// <summary>Held by a compiled step from the numbers it asks for to the count.</summary>
    internal Lock Turn { get; } = new();

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
    /// <exception cref="ArgumentException">The value, or what the schedule gives, lies outside [0, ∞).</exception>
    public double LearningRate
    {
        get => NotNegative("learning rate", Schedule(Step));
        set => Schedule = Constant(NotNegative("learning rate", value));
    }

    /// <summary>The names of the state tensors that a parameter may have.</summary>
    internal IReadOnlyList<string> Slots => slots;

    /// <summary>The state as tensors named <c>parameter.slot</c>, such as <c>layers.0.weight.momentum</c>; empty before the first update.</summary>
    public ParameterTree State => new(Entries().Where(entry => entry.Value.Length > 0).SelectMany(entry =>
        RuleOf(entry.Key, entry.Value[0].Value).Rule.slots.Zip(entry.Value, (slot, cell) => KeyValuePair.Create($"{entry.Key}.{slot}", cell.Value))));

    /// <summary>Continues from a saved <see cref="State"/> and <see cref="Step"/>.</summary>
    /// <remarks>State that is not given starts from zeros again. Compiled steps that this optimizer is part of go on from here too.</remarks>
    /// <exception cref="ArgumentException">
    /// The step is negative, a name is not this optimizer's or has a partner missing, or a tensor differs in shape or type from
    /// the present one; nothing has changed.
    /// </exception>
    public void Restore(ParameterTree state, long step)
    {
        ArgumentNullException.ThrowIfNull(state);
        Interval.NotNegative.Check(name, "step", step);
        var rules = state.DistinctBy(entry => ParameterOf(entry.Key)).ToDictionary(
            entry => ParameterOf(entry.Key), entry => RuleOf(ParameterOf(entry.Key), entry.Value).Rule);
        var expected = rules.SelectMany(entry => entry.Value.slots.Select(slot => $"{entry.Key}.{slot}")).ToHashSet();
        if (!expected.SetEquals(state.Keys))
        {
            expected.SymmetricExceptWith(state.Keys);
            Throw.Argument(name, $"state is missing, or does not know, {string.Join(", ", expected)}; each parameter has {string.Join(", ", slots)}");
        }
        ParameterTree.Refuse(name, State.Unlike(state));

        // The cells stay, because compiled steps hold them.
        using var scope = StateScope.Open();
        foreach (var (parameter, cells) in Entries())
        {
            for (var i = 0; i < cells.Length; i++)
            {
                var isGiven = rules.TryGetValue(parameter, out var rule);
                cells[i].Value = isGiven ? state[$"{parameter}.{rule!.slots[i]}"] : cells[i].Value.ZerosLike();
            }
        }
        foreach (var (parameter, rule) in rules)
        {
            lock (this.state)
            {
                if (this.state.ContainsKey(parameter)) continue;
                this.state[parameter] = Array.ConvertAll(rule.slots, slot => new TensorCell($"{parameter}.{slot}", state[$"{parameter}.{slot}"]));
            }
        }
        Step = step;
        lock (this.state) owners.Clear();
        scope.Commit(name);

        static string ParameterOf(string key) => key[..Math.Max(0, key.LastIndexOf('.'))];
    }

    /// <summary>Replaces the module's parameters by updated ones.</summary>
    /// <exception cref="ArgumentException">
    /// A gradient's name, shape or type is not a parameter's, or the state of that name belongs to another model's; nothing has changed.
    /// </exception>
    public void Update(Module model, ParameterTree gradients)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(gradients);
        Claim(model, gradients.Keys);
        using var scope = StateScope.Open();
        scope.ReadAll(model.NamedParameters().Select(entry => entry.Value.Cell));
        model.Update(Apply(model.Parameters(), gradients));
        scope.Commit(name);
    }

    /// <summary>The updated parameters; one without gradient stays as it is.</summary>
    /// <exception cref="ArgumentException">A gradient's name, shape or type is not a parameter's; nothing has changed.</exception>
    public ParameterTree Apply(ParameterTree parameters, ParameterTree gradients)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(gradients);
        Check(parameters, gradients);
        using var scope = StateScope.Open();
        var numbers = new double[NumberCount];
        NextNumbers(numbers);
        var updated = Apply(parameters, gradients, dtype => Array.ConvertAll(numbers, number => Tensor.Scalar(number, dtype)));
        CountStep();
        scope.Commit(name);
        return updated;
    }

    /// <summary>
    /// How far updates from fresh state carry a parameter whose gradient is always 1, in units of the first one's learning rate: the
    /// sum ‖a‖₁ of the weights that gradients have in them (Wang et al. 2020, arXiv:2007.07481).
    /// </summary>
    /// <remarks>
    /// For plain descent it is their number, for <see cref="Sgd"/> momentum counts as well. Rules that are not linear in the
    /// gradient, such as Adam's, count every update as one; weight decay counts as part of the gradient.
    /// </remarks>
    /// <param name="first">The <see cref="Step"/> of the first update.</param>
    /// <param name="count">The number of updates, at least 0.</param>
    /// <param name="pull">The weight μ of a term μ/2·‖w − w₀‖² in the loss, w₀ being where the updates begin.</param>
    public double EffectiveSteps(long first, long count, double pull = 0)
    {
        var unit = Schedule(first);
        var (distance, velocity) = (0.0, 0.0);
        for (var step = first; step < first + count; step++)
        {
            var scale = unit == 0 ? 1 : Schedule(step) / unit;
            distance += scale * Move(1 - pull * unit * distance, ref velocity);
        }
        return distance;
    }

    /// <summary>How many learning rates an update moves a parameter for a gradient, given its velocity, which is brought up to date.</summary>
    private protected virtual double Move(double gradient, ref double velocity) => 1;

    /// <summary>Notes whose state this is, and refuses that of another model's parameters.</summary>
    internal void Claim(Module model, IEnumerable<string> names)
    {
        if (slots.Length == 0) return;
        var parameters = model.NamedParameters().ToDictionary();
        lock (state)
        {
            foreach (var key in names)
            {
                if (!parameters.TryGetValue(key, out var parameter) || !owners.TryGetValue(key, out var owner) || ReferenceEquals(owner, parameter)) continue;
                Throw.Argument(name, $"state of {key} {owner.Shape} belongs to another model than this {model.GetType().Name}, whose {key} is {parameter.Shape}; "
                    + "give each model an optimizer of its own, or hand the state over with Restore(State, Step)");
            }
            foreach (var key in names)
            {
                if (parameters.TryGetValue(key, out var parameter)) owners[key] = parameter;
            }
        }
    }

    /// <summary>How many numbers a step has.</summary>
    internal int StepNumbers => NumberCount;

    /// <summary>Writes the numbers of the next step.</summary>
    internal void NextNumbers(Span<double> numbers) => NumbersOf(LearningRate, Step + 1, numbers);

    /// <summary>Writes the numbers of a step at a learning rate.</summary>
    internal void NumbersOf(double learningRate, long step, Span<double> numbers) => Numbers(NotNegative("learning rate", learningRate), step, numbers);

    /// <summary>Whose rule updates a parameter, and where that one's numbers begin.</summary>
    internal virtual (Optimizer Rule, int FirstNumber) RuleOf(string key, Tensor parameter) => (this, 0);

    /// <summary>Says that the next step was made.</summary>
    internal void CountStep() => Step++;

    /// <summary>The cells of the state that these parameters have, made where they have none yet.</summary>
    internal IEnumerable<TensorCell> Cells(ParameterTree parameters) => [.. parameters.SelectMany(entry => StateOf(entry.Key, entry.Value))];

    /// <summary>The updated parameters for numbers given as scalars of the type that a parameter is updated in.</summary>
    internal ParameterTree Apply(ParameterTree parameters, ParameterTree gradients, Func<DType, Tensor[]> numbersOf)
    {
        var numbers = new Dictionary<DType, Tensor[]>();
        return parameters.Map((key, parameter) =>
        {
            if (!gradients.TryGetValue(key, out var gradient)) return parameter;
            var dtype = parameter.DType.Wide();
            if (!numbers.TryGetValue(dtype, out var scalars)) numbers[dtype] = scalars = numbersOf(dtype);
            var cells = StateOf(key, parameter);
            var tensors = Array.ConvertAll(cells, cell => cell.Value);
            var (rule, first) = RuleOf(key, parameter);
            var result = rule.UpdateParameter(parameter.AsType(dtype), gradient.AsType(dtype), tensors, scalars.AsSpan(first, rule.NumberCount));
            for (var i = 0; i < cells.Length; i++) cells[i].Value = tensors[i];
            return result.AsType(parameter.DType);
        });
    }

    /// <summary>Scales all gradients by min(maxNorm/(norm + 10⁻⁶), 1), so that the norm over all of them is at most <paramref name="maxNorm"/>.</summary>
    /// <returns>The scaled gradients and the norm √Σg² before.</returns>
    /// <remarks>The norm is computed in float64 and given in float32, or in float64 when all gradients are.</remarks>
    /// <param name="gradients">At least one.</param>
    /// <param name="maxNorm">In [0, ∞).</param>
    /// <exception cref="ArgumentException">The largest norm lies outside its range, or there are no gradients.</exception>
    public static (ParameterTree Gradients, Tensor Norm) ClipGradNorm(ParameterTree gradients, double maxNorm)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        Interval.NotNegative.Check("clip_grad_norm", "largest norm", maxNorm);
        if (gradients.Count == 0) Throw.Argument("clip_grad_norm", "there are no gradients");
        var norm = gradients.Values.Select(gradient => gradient.AsType(DType.Float64).Square().Sum()).Aggregate((a, b) => a + b).Sqrt();
        var scale = Tensor.Minimum(maxNorm / (norm + 1e-6), 1);
        var dtype = DTypes.ResultType([.. gradients.Values.Select(gradient => gradient.DType.Wide())]);
        return (gradients.Map(gradient => (gradient.AsType(Composite.Type(gradient.DType)) * scale.AsType(Composite.Type(gradient.DType))).AsType(gradient.DType)), norm.AsType(dtype));
    }

    /// <summary>Limits each element of each gradient to ±<paramref name="limit"/>; NaN stays.</summary>
    /// <exception cref="ArgumentException">The limit lies outside [0, ∞).</exception>
    public static ParameterTree ClipGradValue(ParameterTree gradients, double limit)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        Interval.NotNegative.Check("clip_grad_value", "limit", limit);
        return gradients.Map(gradient => Tensor.Minimum(Tensor.Maximum(gradient, -limit), limit));
    }

    /// <summary>One parameter's new value.</summary>
    /// <param name="parameter">The present value w; of halves in float32.</param>
    /// <param name="gradient">∂loss/∂w.</param>
    /// <param name="state">This parameter's state tensors in the order of the slots, zeros at first; replace them in place.</param>
    /// <param name="numbers">The <see cref="Numbers"/> of this step as scalars of the parameter's type.</param>
    protected abstract Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers);

    /// <summary>How many numbers change from step to step.</summary>
    protected virtual int NumberCount => 1;

    /// <summary>Writes the numbers that change from step to step; the first is the learning rate λ unless said otherwise.</summary>
    /// <remarks>A compiled step is recorded once, so a rule must take from here whatever depends on the step.</remarks>
    /// <param name="learningRate">λ of this step.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="numbers">Where to write them.</param>
    protected virtual void Numbers(double learningRate, long step, Span<double> numbers) => numbers[0] = learningRate;

    /// <summary>A schedule of one value.</summary>
    protected static Func<long, double> Constant(double learningRate) => _ => learningRate;

    /// <summary>A hyper-parameter that must lie in [0, ∞).</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    protected double NotNegative(string what, double value) => Noted(what, Interval.NotNegative.Check(name, what, value));

    /// <summary>A hyper-parameter that must lie in (0, ∞), such as what keeps a divisor from 0.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    protected double Positive(string what, double value) => Noted(what, Interval.Positive.Check(name, what, value));

    /// <summary>A hyper-parameter that must lie in [0, 1).</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    protected double Fraction(string what, double value) => Noted(what, Interval.Fraction.Check(name, what, value));

    /// <summary>A hyper-parameter that must lie in [0, 1].</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    protected double Share(string what, double value) => Noted(what, Interval.Unit.Check(name, what, value));

    /// <summary>The kind, the learning rate of the next update, the settings and the number of updates.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(FormattableString.Invariant($"{GetType().Name}(learning rate {Schedule(Step)}"));
        foreach (var (what, value) in settings) text.Append(CultureInfo.InvariantCulture, $", {what} {value}");
        return text.Append(CultureInfo.InvariantCulture, $", step {Step})").ToString();
    }

    /// <summary>A setting that is no number in a range, for <see cref="ToString"/>.</summary>
    private protected void Note(string what, object value) => settings[what] = value;

    private double Noted(string what, double value)
    {
        if (what != "learning rate") settings[what] = value;
        return value;
    }

    private void Check(ParameterTree parameters, ParameterTree gradients)
    {
        ParameterTree.Refuse(name, [.. parameters.Extra(gradients), .. parameters.Unlike(gradients)]);
        foreach (var (key, cells) in Entries())
        {
            if (!parameters.TryGetValue(key, out var parameter)) continue;
            var unlike = Array.Find(cells, cell => cell.Value.Shape != parameter.Shape);
            if (unlike is not null) Throw.Argument(name, $"state of {key} has shape {unlike.Value.Shape}, the parameter {parameter.Shape}");
        }
    }

    private KeyValuePair<string, TensorCell[]>[] Entries()
    {
        lock (state) return [.. state];
    }

    private TensorCell[] StateOf(string key, Tensor parameter)
    {
        var dtype = parameter.DType.Wide();
        TensorCell[]? cells;
        lock (state)
        {
            if (!state.TryGetValue(key, out cells))
            {
                return state[key] = Array.ConvertAll(RuleOf(key, parameter).Rule.slots, slot => new TensorCell($"{key}.{slot}", Tensor.Zeros(parameter.Shape, dtype)));
            }
        }

        // The parameter may have changed its type since.
        foreach (var cell in cells)
        {
            if (cell.DType != dtype) cell.Value = cell.Value.AsType(dtype);
        }
        return cells;
    }
}
