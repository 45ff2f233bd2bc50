using System.Numerics;

namespace ManagedFed.Federation;

/// <summary>
/// Federated averaging whose mean is a pseudo-gradient for an optimizer on the server (Reddi et al. 2020, arXiv:2003.00295):
/// with Δ = mean − w the next model is w + step(Δ), element by element.
/// </summary>
/// <remarks>
/// Moments have the model's element type and start at zero in a run's first round; each step is worked in double precision. Statistics, such as
/// running means and variances, and integer and bool tensors have no gradient: they become the clients' mean, see <see cref="ParameterSchema"/>.
/// </remarks>
public abstract class FedOpt : FedAvg
{
    /// <summary>The names of the moments in the state.</summary>
    private const string First = "m", Second = "v";

    /// <summary>The server's learning rate η, above 0.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double ServerLearningRate { get; init => field = Interval.Positive.Check(Named, nameof(ServerLearningRate), value); } = 0.1;

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    public sealed override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new ThenStep(this, state, base.AggregateFit(state));
    }

    /// <summary>Moves the model by the strategy's formula; may write into the mean.</summary>
    private protected abstract FitAggregate Step(RoundState state, Parameters mean);

    private protected static FitAggregate Step<TFormula>(RoundState state, Parameters mean, TFormula formula) where TFormula : struct, IServerFormula
    {
        NdArray[] next = [.. mean.Arrays];
        var memory = StrategyState.Empty;
        var schema = state.Schema;
        for (var i = 0; i < next.Length; i++)
        {
            var type = next[i].DType;
            if (!type.IsFloating() || !schema.IsTrainable(i)) continue;
            var (model, result) = (state.Parameters.Arrays[i].Widened(), next[i].Widened());
            var first = Moment(state.Strategy.Item(First, i), result);
            var second = formula.HasSecondMoment ? Moment(state.Strategy.Item(Second, i), result) : null;
            if (result.DType == DType.Float32) Step<TFormula, float>(formula, model, result, first, second);
            else Step<TFormula, double>(formula, model, result, first, second);
            next[i] = result.AsType(type);
            memory = memory.With(First, i, first);
            if (second is not null) memory = memory.With(Second, i, second);
        }
        return new(new(next), memory);
    }

    /// <summary>m / (√v + τ), 0 where nothing has moved.</summary>
    private protected static double Adapted(double m, double v, double tau) => m == 0 ? 0 : m / (Math.Sqrt(v) + tau);

    /// <summary>What is remembered of an array, to be written to; zeros at first, and where the model is another one.</summary>
    private static NdArray Moment(NdArray? before, NdArray like) =>
        before?.Shape == like.Shape && before.DType == like.DType ? before.Own() : NdArray.Zeros(like.Shape, like.DType);

    private static void Step<TFormula, T>(TFormula formula, NdArray model, NdArray result, NdArray m1, NdArray? m2)
        where TFormula : struct, IServerFormula where T : unmanaged, INumberBase<T>
    {
        var w = model.Elements<T>();
        var next = result.Elements<T>();
        var first = m1.Elements<T>();
        var second = m2 is null ? default : m2.Elements<T>();
        // An update that overflows a moment would end all learning of that element.
        var most = typeof(T) == typeof(float) ? float.MaxValue : double.MaxValue;
        for (var i = 0; i < next.Length; i++)
        {
            var old = double.CreateTruncating(w[i]);
            var m = double.CreateTruncating(first[i]);
            var v = second.IsEmpty ? 0 : double.CreateTruncating(second[i]);
            next[i] = T.CreateTruncating(old + formula.Step(double.CreateTruncating(next[i]) - old, ref m, ref v));
            first[i] = T.CreateTruncating(Math.Clamp(m, -most, most));
            if (!second.IsEmpty) second[i] = T.CreateTruncating(Math.Min(v, most));
        }
        GC.KeepAlive(model);
    }

    private sealed class ThenStep(FedOpt strategy, RoundState state, FitAggregation mean) : FitAggregation
    {
        public override void Add(int place, FitResult result) => mean.Add(place, result);

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
            mean.Complete(failures) is { } next ? strategy.Step(state, next.Parameters) : null;
    }
}

/// <summary>One element's step of an optimizer on the server.</summary>
internal interface IServerFormula
{
    /// <summary>False when the formula leaves v alone.</summary>
    bool HasSecondMoment { get; }

    /// <summary>What is added to the element, given Δ and its moments, which are brought up to date.</summary>
    double Step(double delta, ref double m, ref double v);
}

/// <summary>
/// Federated averaging with momentum on the server (Hsu et al. 2019, arXiv:1909.06335): m ← β·m + Δ, w ← w + η·m.
/// </summary>
/// <remarks>With the defaults, η = 1 and β = 0, it is <see cref="FedAvg"/> but for rounding.</remarks>
public sealed class FedAvgM : FedOpt
{
    /// <summary>A strategy with η = 1 and β = 0.</summary>
    public FedAvgM() => ServerLearningRate = 1;

    /// <summary>The momentum β, 0 to below 1. Default 0.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double ServerMomentum { get; init => field = Interval.Fraction.Check(Named, nameof(ServerMomentum), value); }

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"ServerLearningRate = {ServerLearningRate}, ServerMomentum = {ServerMomentum}");

    /// <summary>η·(1 + β + β² + …) updates at most.</summary>
    internal override double Reach(double limit, long elements) => limit * Math.Max(1, ServerLearningRate / (1 - ServerMomentum));

    private protected override FitAggregate Step(RoundState state, Parameters mean) =>
        Step(state, mean, new Formula(ServerLearningRate, ServerMomentum));

    private readonly record struct Formula(double Rate, double Momentum) : IServerFormula
    {
        public bool HasSecondMoment => false;

        public double Step(double delta, ref double m, ref double v)
        {
            m = Momentum * m + delta;
            return Rate * m;
        }
    }
}

/// <summary>Adagrad on the server (Reddi et al. 2020, arXiv:2003.00295): v ← v + Δ², w ← w + η·Δ / (√v + τ).</summary>
public sealed class FedAdagrad : FedOpt
{
    /// <summary>The degree of adaptivity τ, above 0. Default 1e-9.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double Tau { get; init => field = Interval.Positive.Check(Named, nameof(Tau), value); } = 1e-9;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"ServerLearningRate = {ServerLearningRate}, Tau = {Tau}");

    /// <summary>|Δ| is at most √v.</summary>
    internal override double Reach(double limit, long elements) => limit + ServerLearningRate * Math.Sqrt(elements);

    private protected override FitAggregate Step(RoundState state, Parameters mean) => Step(state, mean, new Formula(ServerLearningRate, Tau));

    private readonly record struct Formula(double Rate, double Tau) : IServerFormula
    {
        public bool HasSecondMoment => true;

        public double Step(double delta, ref double m, ref double v)
        {
            v += delta * delta;
            return Rate * Adapted(delta, v, Tau);
        }
    }
}

/// <summary>
/// Adam on the server (Reddi et al. 2020, arXiv:2003.00295): m ← β₁·m + (1−β₁)·Δ, v ← β₂·v + (1−β₂)·Δ²,
/// w ← w + ηᵣ·m / (√v + τ) with ηᵣ = η·√(1−β₂^(r+1)) / (1−β₁^(r+1)) in round r.
/// </summary>
/// <remarks>The correction of η is Flower's; the paper has none.</remarks>
public sealed class FedAdam : FedOpt
{
    /// <summary>The decay β₁ of the first moment, 0 to below 1. Default 0.9.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double Beta1 { get; init => field = Interval.Fraction.Check(Named, nameof(Beta1), value); } = 0.9;

    /// <summary>The decay β₂ of the second moment, 0 to below 1. Default 0.99.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double Beta2 { get; init => field = Interval.Fraction.Check(Named, nameof(Beta2), value); } = 0.99;

    /// <summary>The degree of adaptivity τ, above 0. Default 1e-9.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double Tau { get; init => field = Interval.Positive.Check(Named, nameof(Tau), value); } = 1e-9;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant(
        $"ServerLearningRate = {ServerLearningRate}, Beta1 = {Beta1}, Beta2 = {Beta2}, Tau = {Tau}");

    /// <summary>|m| is at most (1−β₁)/√(1−β₂) times √v and a sum over earlier rounds; ten times the rate is beyond every such sum with usual decays.</summary>
    internal override double Reach(double limit, long elements) => limit + 10 * ServerLearningRate * Math.Sqrt(elements);

    private protected override FitAggregate Step(RoundState state, Parameters mean)
    {
        var (first, second) = (1 - Math.Pow(Beta1, state.Round + 1), 1 - Math.Pow(Beta2, state.Round + 1));
        return Step(state, mean, new Formula(ServerLearningRate * Math.Sqrt(second) / first, Beta1, Beta2, Tau));
    }

    private readonly record struct Formula(double Rate, double Beta1, double Beta2, double Tau) : IServerFormula
    {
        public bool HasSecondMoment => true;

        public double Step(double delta, ref double m, ref double v)
        {
            m = Beta1 * m + (1 - Beta1) * delta;
            v = Beta2 * v + (1 - Beta2) * delta * delta;
            return Rate * Adapted(m, v, Tau);
        }
    }
}

/// <summary>
/// Yogi on the server (Reddi et al. 2020, arXiv:2003.00295): m ← β₁·m + (1−β₁)·Δ, v ← v − (1−β₂)·Δ²·sign(v − Δ²),
/// w ← w + η·m / (√v + τ).
/// </summary>
public sealed class FedYogi : FedOpt
{
    /// <summary>A strategy with η = 0.01.</summary>
    public FedYogi() => ServerLearningRate = 0.01;

    /// <summary>The decay β₁ of the first moment, 0 to below 1. Default 0.9.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double Beta1 { get; init => field = Interval.Fraction.Check(Named, nameof(Beta1), value); } = 0.9;

    /// <summary>The decay β₂ of the second moment, 0 to below 1. Default 0.99.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double Beta2 { get; init => field = Interval.Fraction.Check(Named, nameof(Beta2), value); } = 0.99;

    /// <summary>The degree of adaptivity τ, above 0. Default 1e-3.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public double Tau { get; init => field = Interval.Positive.Check(Named, nameof(Tau), value); } = 1e-3;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant(
        $"ServerLearningRate = {ServerLearningRate}, Beta1 = {Beta1}, Beta2 = {Beta2}, Tau = {Tau}");

    /// <summary>|m| is at most (1−β₁)/√(1−β₂) times √v and a sum over earlier rounds; ten times the rate is beyond every such sum with usual decays.</summary>
    internal override double Reach(double limit, long elements) => limit + 10 * ServerLearningRate * Math.Sqrt(elements);

    private protected override FitAggregate Step(RoundState state, Parameters mean) =>
        Step(state, mean, new Formula(ServerLearningRate, Beta1, Beta2, Tau));

    private readonly record struct Formula(double Rate, double Beta1, double Beta2, double Tau) : IServerFormula
    {
        public bool HasSecondMoment => true;

        public double Step(double delta, ref double m, ref double v)
        {
            var square = delta * delta;
            m = Beta1 * m + (1 - Beta1) * delta;
            v -= (1 - Beta2) * square * Math.Sign(v - square);
            return Rate * Adapted(m, v, Tau);
        }
    }
}
