namespace ManagedFed.Nn;

/// <summary>Several optimizers, each for a part of the parameters.</summary>
/// <remarks>
/// State and step are kept here; of the optimizers given, only rules, numbers and schedules are used. Setting the learning
/// rate or schedule here replaces those of all; until then each follows its own, and the first one's is shown.
/// </remarks>
/// <example><code>new MultiOptimizer([new Lion(1e-4), new Sgd(0.1)], (name, tensor) => tensor.Rank == 2)</code></example>
public sealed class MultiOptimizer : Optimizer
{
    private readonly Optimizer[] optimizers;
    private readonly Func<string, Tensor, bool>[] filters;
    private readonly Func<long, double> first;

    /// <summary>Optimizers and which parameters are theirs.</summary>
    /// <param name="optimizers">At least one.</param>
    /// <param name="filters">One for each optimizer but the last, given the dotted name and a tensor of the parameter's shape.
    /// A parameter is the first one's whose filter says true, or the last one's.</param>
    /// <exception cref="ArgumentException">The numbers of optimizers and filters do not fit.</exception>
    public MultiOptimizer(IReadOnlyList<Optimizer> optimizers, params IReadOnlyList<Func<string, Tensor, bool>> filters)
        : base("multi_optimizer", Follow(optimizers), [.. optimizers.SelectMany(optimizer => optimizer.Slots).Distinct()])
    {
        ArgumentNullException.ThrowIfNull(filters);
        if (filters.Count != optimizers.Count - 1)
        {
            Throw.Argument("multi_optimizer", $"{filters.Count} filters given for {optimizers.Count} optimizers, expected one less than those");
        }
        this.optimizers = [.. optimizers];
        foreach (var (i, optimizer) in this.optimizers.Index()) Note($"part {i}", optimizer);
        this.filters = [.. filters];
        first = Schedule;
    }

    /// <inheritdoc/>
    protected override int NumberCount => optimizers.Sum(optimizer => optimizer.StepNumbers);

    internal override (Optimizer Rule, int FirstNumber) RuleOf(string key, Tensor parameter)
    {
        var chosen = Array.FindIndex(filters, filter => filter(key, parameter));
        if (chosen < 0) chosen = filters.Length;
        var (rule, at) = optimizers[chosen].RuleOf(key, parameter);
        return (rule, at + optimizers[..chosen].Sum(optimizer => optimizer.StepNumbers));
    }

    /// <inheritdoc/>
    protected override void Numbers(double learningRate, long step, Span<double> numbers)
    {
        foreach (var optimizer in optimizers)
        {
            optimizer.NumbersOf(Schedule == first ? optimizer.Schedule(step - 1) : learningRate, step, numbers[..optimizer.StepNumbers]);
            numbers = numbers[optimizer.StepNumbers..];
        }
    }

    /// <inheritdoc/>
    protected override Tensor UpdateParameter(Tensor parameter, Tensor gradient, Span<Tensor> state, ReadOnlySpan<Tensor> numbers) =>
        throw new System.Diagnostics.UnreachableException("every parameter is one of the optimizers'");

    private static Func<long, double> Follow(IReadOnlyList<Optimizer> optimizers)
    {
        ArgumentNullException.ThrowIfNull(optimizers);
        if (optimizers.Count == 0) Throw.Argument("multi_optimizer", "there are no optimizers");
        return step => optimizers[0].Schedule(step);
    }
}
