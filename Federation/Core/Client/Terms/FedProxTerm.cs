using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>A client's half of <see cref="FedProx"/>: g ← g + μ·(w − w₀) for what is shared and trained.</summary>
internal sealed class FedProxTerm : ClientTerm
{
    private const string Mu = "mu", StartPrefix = "start.";

    public override string Name => "fedprox";

    public override ParameterTree? Begin(FitStart start)
    {
        var mu = start.Config.Setting(FedProx.MuKey)?.AsDouble() ?? 0;
        if (mu == 0) return null;
        return new([
            KeyValuePair.Create(Mu, Tensor.Scalar(mu, DType.Float64)),
            .. start.Parameters.Where(entry => start.Trainable.Contains(entry.Key)).Select(entry => KeyValuePair.Create(StartPrefix + entry.Key, entry.Value)),
        ]);
    }

    public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) => (
        gradients.Map((name, gradient) => values.TryGetValue(StartPrefix + name, out var start)
            ? gradient + values[Mu].AsType(gradient.DType) * (parameters[name] - start)
            : gradient),
        values);

    public override double Pull(ParameterTree values) => values[Mu].Item<double>();
}
