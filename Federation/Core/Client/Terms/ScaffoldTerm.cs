using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>
/// A client's half of <see cref="Scaffold"/>: c comes behind the model, each gradient gets c − cₖ, and the change of the own control variate,
/// (x − y)/(K·η) − c, goes behind the answer; zeros for what is not trained. cₖ starts from zeros with each run.
/// </summary>
internal sealed class ScaffoldTerm : ClientTerm
{
    private const string Run = "run", Own = "own";

    public override string Name => "scaffold";

    public override bool TakesArrays(IReadOnlyDictionary<string, Scalar> config) => config.Setting(Scaffold.RunKey) is not null;

    public override ParameterTree? Begin(FitStart start)
    {
        if (start.Behind is not { } server) return null;
        if (start.LearningRate == 0) throw new ArgumentException("[module_client] learning rate is 0, expected above 0; SCAFFOLD divides by it");
        return server.Zip(OwnOf(start), (c, own) => c - own);
    }

    public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) =>
        (gradients.Map((name, gradient) => values.TryGetValue(name, out var drift) ? gradient + drift : gradient), values);

    public override FitOutcome Complete(FitEnd end, FitOutput output)
    {
        var start = end.Start;
        // K·η, or what stands for it with momentum.
        var length = end.EffectiveSteps * start.LearningRate;
        var change = start.Behind!.Map((name, c) =>
            start.Trainable.Contains(name) ? (start.Parameters[name] - end.Parameters[name]) / length - c : c.ZerosLike());
        var own = OwnOf(start).Zip(change, (mine, by) => mine + by);
        Tensor.Eval([.. own.Values, .. change.Values]);
        var run = RunOf(start);
        return new(
            output.WithMetric(Scaffold.RunKey, start.Config.Setting(Scaffold.RunKey)!.Value) with { Parameters = [.. output.Parameters, .. change.ToArrays()] },
            StrategyState.Empty.With(Run, run).With(Own, own.ToArrays()));
    }

    /// <summary>cₖ.</summary>
    private static ParameterTree OwnOf(FitStart start) =>
        start.Memory.Values.TryGetValue(Run, out var run) && run == RunOf(start) && start.Memory.List(Own) is { } own && own.Count == start.Behind!.Count
            ? start.Behind.WithArrays(own)
            : start.Behind!.Map(c => c.ZerosLike());

    private static Scalar RunOf(FitStart start) => start.Config.Setting(Scaffold.RunKey)!.Value.AsInt64();
}
