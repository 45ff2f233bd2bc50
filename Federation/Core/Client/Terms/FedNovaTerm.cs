using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>A client's half of <see cref="FedNova"/>: it tells its steps when asked to.</summary>
internal sealed class FedNovaTerm : ClientTerm
{
    public override string Name => "fednova";

    public override ParameterTree? Begin(FitStart start) => start.Config.Setting(FedNova.ReportKey)?.AsBool() == true ? new([]) : null;

    public override FitOutcome Complete(FitEnd end, FitOutput output) => new(output.WithMetric(FedNova.StepsKey, end.EffectiveSteps), end.Start.Memory);
}
