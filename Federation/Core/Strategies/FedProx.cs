namespace ManagedFed.Federation;

/// <summary>
/// Federated averaging of clients that are held near the global model w (Li et al. 2018, arXiv:1812.06127): each client
/// minimises its loss plus μ/2·‖w_local − w‖².
/// </summary>
/// <remarks>
/// μ goes to the clients as <c>proximal_mu</c> in the config of training. <see cref="ModuleClient"/> applies it; a client of
/// one's own adds μ·(w_local − w) to its gradients.
/// </remarks>
/// <example><c>new FedProx { ProximalMu = 0.1 }</c></example>
public sealed class FedProx : FedAvg
{
    /// <summary>The name under which clients find μ.</summary>
    internal const string MuKey = "proximal_mu";

    /// <summary>The weight μ of the proximal term, at least 0; with 0 the strategy is <see cref="FedAvg"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public required double ProximalMu
    {
        get;
        init => field = value >= 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), $"[FedProx] ProximalMu is {value}, expected a finite number of at least 0");
    }

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"ProximalMu = {ProximalMu}");

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, Scalar> FitConfig(RoundState state) =>
        new Dictionary<string, Scalar>(base.FitConfig(state)) { [MuKey] = ProximalMu }.AsReadOnly();
}
