namespace ManagedFed.Nn;

/// <summary>
/// A gated recurrent unit: r, z = σ(xₜ·Wxᵀ + hₜ₋₁·Whᵀ + b), n = tanh(xₜ·Wxᵀ + b + r·(hₜ₋₁·Whᵀ + bhn)),
/// hₜ = (1 − z)·n + z·hₜ₋₁, each with its third of the weights: (…, length, inputs) → (…, length, hidden) (Cho et al. 2014).
/// </summary>
/// <remarks>A start without state is one from zeros, as in PyTorch; MLX then leaves out bhn in the first step.</remarks>
public sealed class Gru : Module
{
    private readonly int hidden;

    /// <summary>A layer with weights uniform in ±1/√hidden.</summary>
    /// <param name="inputs">The size of the last axis of the input, at least 1.</param>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="bias">False for a layer without b and bhn.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public Gru(int inputs, int hidden, RandomKey key, bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(hidden, 1);
        this.hidden = hidden;
        var keys = key.Split(4);
        var bound = 1 / Math.Sqrt(hidden);
        InputWeight = Parameter("Wx", Init.Symmetric(keys[0], [3 * hidden, inputs], bound, dtype));
        StateWeight = Parameter("Wh", Init.Symmetric(keys[1], [3 * hidden, hidden], bound, dtype));
        if (!bias) return;
        Bias = Parameter("b", Init.Symmetric(keys[2], [3 * hidden], bound, dtype));
        StateBias = Parameter("bhn", Init.Symmetric(keys[3], [hidden], bound, dtype));
    }

    /// <summary>Wx, of shape (3·hidden, inputs), for r, z and n in turn.</summary>
    public Parameter InputWeight { get; }

    /// <summary>Wh, of shape (3·hidden, hidden), for r, z and n in turn.</summary>
    public Parameter StateWeight { get; }

    /// <summary>b, of shape (3·hidden), or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>bhn, of shape (hidden), or null.</summary>
    public Parameter? StateBias { get; }

    private protected override string Settings => $"{InputWeight.Shape[1]} → {hidden}";

    /// <summary>The states of all steps, starting from zeros.</summary>
    /// <exception cref="ArgumentException">The input has another size, or no steps.</exception>
    public override Tensor Forward(Tensor x) => Forward(x, null);

    /// <summary>The states of all steps, starting from <paramref name="state"/> of shape (…, hidden), or zeros.</summary>
    /// <exception cref="ArgumentException">The input or the state has another size, or there are no steps.</exception>
    public Tensor Forward(Tensor x, Tensor? state)
    {
        var shape = Recurrence.StateShape("gru", x, InputWeight.Shape[1], hidden, state);
        var h = state ?? Tensor.Zeros(shape, x.DType);
        var states = new List<Tensor>();
        foreach (var projected in Recurrence.Project(x, InputWeight, Bias))
        {
            var input = Recurrence.Gates(projected, 3);
            var previous = Recurrence.Gates(h.MatMul(StateWeight.T), 3);
            var reset = (input[0] + previous[0]).Sigmoid();
            var keep = (input[1] + previous[1]).Sigmoid();
            var fresh = (input[2] + reset * (StateBias is null ? previous[2] : previous[2] + StateBias)).Tanh();
            states.Add(h = (1 - keep) * fresh + keep * h);
        }
        return Recurrence.Stack(states);
    }
}
