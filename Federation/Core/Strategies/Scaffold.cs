using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>
/// Averaging corrected for the clients' drift by control variates (Karimireddy et al. 2020, arXiv:1910.06378, option II): client k
/// steps by y ← y − η·(g − cₖ + c) from x to yₖ and renews cₖ⁺ = cₖ − c + (x − yₖ)/(K·η); with S the round's clients and N all of
/// them, x ← x + η_g/|S|·Σ(yₖ − x) and c ← c + 1/N·Σ(cₖ⁺ − cₖ).
/// </summary>
/// <remarks>
/// Clients count alike, whatever their examples. To train, the n tensors of x travel with the n of c behind them, and the config
/// names the run as <see cref="RunKey"/>. A client sends back the n of yₖ with the n of cₖ⁺ − cₖ behind them and the same number under
/// the same name in its metrics; one that does not is refused. Statistics and integer tensors become the clients' mean. Models for evaluation are x alone. <see cref="ModuleClient"/> does its
/// part by itself and keeps its cₖ as long as the run's number stays the same; c starts from zeros in a run's first round.
/// </remarks>
/// <example><c>new Scaffold { TotalClients = 100, FractionFit = 0.1 }</c></example>
public sealed class Scaffold : Strategy
{
    /// <summary>The name, in the config and the metrics of training, of the run's number.</summary>
    public const string RunKey = "scaffold_run";

    /// <summary>The name of c in the state.</summary>
    private const string Control = "c";

    /// <summary>The server's learning rate η_g, above 0. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public double ServerLearningRate { get; init => field = Interval.Positive.Check(Named, nameof(ServerLearningRate), value); } = 1;

    /// <summary>The number N of clients that ever take part, at least 1; by default those connected when a round begins.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int? TotalClients
    {
        get;
        init => field = value is { } total ? Interval.Counts.Check(Named, nameof(TotalClients), total) : null;
    }

    internal override bool MovesParameters => true;

    /// <inheritdoc/>
    protected override string Settings => TotalClients is { } total
        ? FormattableString.Invariant($"ServerLearningRate = {ServerLearningRate}, TotalClients = {total}")
        : FormattableString.Invariant($"ServerLearningRate = {ServerLearningRate}");

    internal override double Reach(double limit, long elements) => limit * Math.Max(1, ServerLearningRate);

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return base.ConfigureFit(Extended(state));
    }

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, Scalar> FitConfig(RoundState state) =>
        new Dictionary<string, Scalar>(base.FitConfig(state)) { [RunKey] = Run(state) }.AsReadOnly();

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(result);
        var run = Run(state);
        if (result.Metrics.TryGetValue(RunKey, out var mark) && mark == run) return base.Check(Extended(state), result);
        var given = result.Metrics.ContainsKey(RunKey) ? mark.ToString() : "missing";
        return new(FailureReason.Unexpected, string.Create(
            CultureInfo.InvariantCulture, $"metric {RunKey} is {given}, expected {run}; a client that does not know SCAFFOLD cannot take part"));
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Means(this, state, new WeightedMean(Extended(state).Parameters.Arrays));
    }

    private static RoundState Extended(RoundState state) => state with { Parameters = new([.. state.Parameters.Arrays, .. ControlOf(state).Arrays]) };

    /// <summary>c: zeros at first, and when the model is another one.</summary>
    private static Parameters ControlOf(RoundState state) =>
        state.Strategy.List(Control) is { } arrays && new Parameters(arrays) is var known && UpdateCheck.Structure(known, state.Parameters) is null
            ? known
            : new([.. state.Parameters.Arrays.Select(array => NdArray.Zeros(array.Shape, array.DType))]);

    /// <summary>The run's number, of 63 bits, by which clients know whether their cₖ is of this run.</summary>
    private static long Run(RoundState state) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(state.RunId))) & long.MaxValue;

    private FitAggregate Step(RoundState state, IReadOnlyList<NdArray> means, int clients)
    {
        var part = (double)clients / Math.Max(clients, TotalClients ?? state.Clients.Count);
        var next = new Parameters([.. ControlOf(state).Arrays.Zip(means.Skip(state.Parameters.Count), (c, change) => c.DType switch
        {
            var type when !type.IsFloating() => c,
            DType.Float64 => Moved<double>(c, change, part),
            var type => Moved<float>(c.Widened(), change.Widened(), part).AsType(type),
        })]);
        if (UpdateCheck.Finite(next) is { } refusal) throw new InvalidOperationException($"[Scaffold] the control variate leaves its range: {refusal.Message}");
        var memory = state.Strategy.With(Control, next.Arrays);
        var mean = new Parameters([.. means.Take(state.Parameters.Count)]);
        if (ServerLearningRate == 1) return new(mean, memory);
        var schema = state.Schema;
        var moved = Updates.Scale(state.Parameters, mean, ServerLearningRate);
        return new(new([.. mean.Arrays.Select((array, i) => schema.IsTrainable(i) ? moved.Arrays[i] : array)]), memory);
    }

    /// <summary>c + part·change.</summary>
    private static NdArray Moved<T>(NdArray c, NdArray change, double part) where T : unmanaged, INumberBase<T>
    {
        var next = NdArray.Empty(c.Shape, c.DType);
        var old = c.Elements<T>();
        var by = change.Elements<T>();
        var to = next.Elements<T>();
        for (var i = 0; i < to.Length; i++) to[i] = T.CreateTruncating(double.CreateTruncating(old[i]) + part * double.CreateTruncating(by[i]));
        GC.KeepAlive(c);
        GC.KeepAlive(change);
        return next;
    }

    private sealed class Means(Scaffold strategy, RoundState state, WeightedMean mean) : FitAggregation
    {
        private int clients;

        public override void Add(int place, FitResult result)
        {
            clients++;
            mean.Add(place, result with { NumExamples = 1 });
        }

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
            mean.Complete(failures) is { } means ? strategy.Step(state, means.Parameters.Arrays, clients) : null;
    }
}
