namespace ManagedFed.Federation;

/// <summary>How far clients' updates Δ = wₖ − w may lead before they are refused or shortened, whatever the strategy.</summary>
/// <remarks>
/// The defaults are wide: updates over 100 times the usual norm do not count, those over 10 times are shortened to that, and
/// all others pass bit for bit. What is usual, the median, is learnt round by round and starts at 10 for every element; more than
/// half of the clients must attack to move it far. An update of the usual length in a wrong direction passes: against those choose a
/// strategy that compares clients, such as <see cref="FedMedian"/>.
/// <para>
/// The norm is ‖Δ‖₂ over all floating tensors; tensors that a strategy has clients send beyond the model's count as they are.
/// Integer tensors are neither measured nor changed, models that are no arrays are not looked at. A limit holds for a whole
/// round and moves by counts alone, so the order in which clients answer does not matter, and nothing is kept of an update.
/// </para>
/// <para>
/// The model that a strategy makes is held to <see cref="Zeroing"/>, too, and must be finite; an optimizer on the server may lead as much
/// farther as its formula does. A model that is refused is said in the log and in <see cref="History.ModelsKept"/>, and the old one stays.
/// </para>
/// </remarks>
/// <example><c>new FederatedServerOptions { UpdateLimits = new() { Clipping = NormLimit.Fixed(1) } }</c></example>
public sealed record UpdateLimits
{
    /// <summary>Updates whose norm is larger do not count, as failures with <see cref="FailureReason.Norm"/>; null lets all in.</summary>
    public NormLimit? Zeroing { get; init; } = new() { Factor = 100, Increment = 1 };

    /// <summary>Updates whose norm is larger are shortened to it: Δ ← Δ·min(1, limit/‖Δ‖₂); null changes none.</summary>
    public NormLimit? Clipping { get; init; } = new() { Factor = 10, Increment = 1 };

    /// <summary>No limits.</summary>
    public static UpdateLimits None { get; } = new() { Zeroing = null, Clipping = null };

    /// <summary>The narrower limits of TensorFlow Federated: zeroing at twice the 0.98 quantile + 1, clipping at the 0.8 quantile.</summary>
    /// <remarks>
    /// Its <c>robust_aggregator</c>, but that its zeroing takes the largest magnitude for the norm. Every fifth update is
    /// shortened, and attackers that are more than 2 % of the clients widen the first limit slowly.
    /// </remarks>
    public static UpdateLimits TensorFlowFederated { get; } = new()
    {
        Zeroing = new() { InitialNorm = 10, Quantile = 0.98, LearningRate = Math.Log(10), Factor = 2, Increment = 1 },
        Clipping = new() { InitialNorm = 1, Quantile = 0.8, LearningRate = 0.2 },
    };
}

/// <summary>
/// A limit a·C + b to norms whose C follows a quantile γ of those seen (Andrew et al. 2019, arXiv:1905.03871): with β the part of a
/// round's norms up to C, C ← C·exp(−η·(β − γ)) after the round.
/// </summary>
public sealed record NormLimit
{
    /// <summary>C in the first round, above 0. By default 10·√n for n floating elements: all of them changed by 10.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not above 0, or not finite.</exception>
    public double? InitialNorm
    {
        get;
        init => field = value is { } norm ? Checked(nameof(InitialNorm), norm, norm > 0, "a finite number above 0") : null;
    }

    /// <summary>The quantile γ, 0 to 1. Default ½, the median.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside its range.</exception>
    public double Quantile
    {
        get;
        init => field = Checked(nameof(Quantile), value, value is >= 0 and <= 1, "0 to 1");
    } = 0.5;

    /// <summary>How fast C follows, η ≥ 0; with 0 it stays. Default ln 10: C changes by a factor of up to 10^max(γ, 1−γ) per round.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double LearningRate
    {
        get;
        init => field = Checked(nameof(LearningRate), value, value >= 0, "a finite number of at least 0");
    } = Math.Log(10);

    /// <summary>The factor a, above 0. Default 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not above 0, or not finite.</exception>
    public double Factor
    {
        get;
        init => field = Checked(nameof(Factor), value, value > 0, "a finite number above 0");
    } = 1;

    /// <summary>The summand b, at least 0. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double Increment
    {
        get;
        init => field = Checked(nameof(Increment), value, value >= 0, "a finite number of at least 0");
    }

    /// <summary>A limit that stays as it is.</summary>
    /// <param name="norm">The limit, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is not above 0, or not finite.</exception>
    public static NormLimit Fixed(double norm) => new() { InitialNorm = norm, LearningRate = 0 };

    private static double Checked(string name, double value, bool isIn, string expected) => isIn && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), $"[norm_limit] {name} is {value}, expected {expected}");
}
