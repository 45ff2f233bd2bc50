namespace ManagedFed.Federation;

/// <summary>
/// Buffered asynchronous aggregation (Nguyen et al. 2022, arXiv:2106.06639): K updates, each the change Δₖ its client made to
/// the model it was given, τₖ steps ago, make a step w ← w + η·Σ s(τₖ)·Δₖ / K.
/// </summary>
/// <remarks>
/// Clients count alike, however many examples they have. The sum is exact and each element is rounded once to its type, so the
/// order within a buffer does not show in the result; updates are folded in as they come and not kept. Statistics and integer and
/// bool tensors have no gradient: they become the mean of the updates', see <see cref="ParameterSchema"/>. A step that ends with fewer updates divides by their number.
/// </remarks>
/// <example><c>new FedBuff { BufferSize = 10, MaxStaleness = 20 }</c></example>
public sealed class FedBuff : AsyncStrategy
{
    private readonly int bufferSize = 10;

    /// <summary>The number K of updates in a step, at least 1. Default 10.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int BufferSize
    {
        get => bufferSize;
        init => bufferSize = AtLeast(1, value, nameof(BufferSize));
    }

    /// <summary>The server's learning rate η, above 0. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public double ServerLearningRate
    {
        get;
        init => field = value > 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), $"[FedBuff] ServerLearningRate is {value}, expected a finite number above 0");
    } = 1;

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"BufferSize = {BufferSize}, ServerLearningRate = {ServerLearningRate}, {base.Settings}");

    internal override double Reach(double limit, long elements) => limit * Math.Max(1, ServerLearningRate);

    /// <summary>The weight s(τ) of an update's age, 0 to 1. Default: 1 / √(1 + τ).</summary>
    public Func<int, double> Staleness { get; init; } = StalenessWeight.Polynomial();

    /// <inheritdoc/>
    public override int UpdatesPerStep => BufferSize;

    /// <inheritdoc/>
    public override AsyncAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Buffer(this, state);
    }

    private sealed class Buffer : AsyncAggregation
    {
        private readonly FedBuff strategy;
        private readonly IReadOnlyList<NdArray> model;
        private readonly ParameterSchema schema;
        private readonly ExactSum?[] changes;
        private readonly WeightedMean whole;
        private int count;

        public Buffer(FedBuff strategy, RoundState state) : base(state)
        {
            this.strategy = strategy;
            model = state.Parameters.Arrays;
            schema = state.Schema;
            changes = [.. model.Select((array, i) => array.DType.IsFloating() && schema.IsTrainable(i) ? new ExactSum(array.Count) : null)];
            whole = new(Others(model));
        }

        public override void Add(FitResult result, Parameters given, int staleness)
        {
            var weight = StalenessWeight.Of(strategy.Staleness, staleness, strategy.Named);
            count++;
            for (var i = 0; i < changes.Length; i++)
            {
                if (changes[i] is not { } sum) continue;
                sum.Add(Term(result.Parameters.Arrays[i], weight), Term(given.Arrays[i], -weight));
            }
            whole.Add(count, result with { Parameters = new(Others(result.Parameters.Arrays)), NumExamples = 1 });
        }

        /// <summary>(c·w + Σ s·Δ) / c with c = K / η.</summary>
        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures)
        {
            if (count == 0) return null;
            var means = new Queue<NdArray>(whole.Complete(failures)!.Parameters.Arrays);
            var divisor = count / strategy.ServerLearningRate;
            return new Parameters([.. model.Select((array, i) => changes[i] is { } sum ? Next(sum, array, divisor) : means.Dequeue())]);
        }

        private NdArray[] Others(IReadOnlyList<NdArray> arrays) => [.. arrays.Where((_, i) => changes[i] is null)];

        private static ExactSum.Term Term(NdArray array, double weight) =>
            new((array.DType == DType.Float32 ? array : array.AsType(DType.Float64)).Contiguous(), weight);

        private static NdArray Next(ExactSum sum, NdArray array, double divisor)
        {
            var next = NdArray.Empty(array.Shape, array.DType == DType.Float32 ? DType.Float32 : DType.Float64);
            sum.Divide(divisor, next, Term(array, divisor));
            sum.Release();
            return next.AsType(array.DType);
        }
    }
}
