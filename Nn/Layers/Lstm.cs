namespace ManagedFed.Nn;

/// <summary>
/// A long short-term memory: i, f, g, o = σ, σ, tanh, σ of a quarter each of xₜ·Wxᵀ + hₜ₋₁·Whᵀ + b, cₜ = f·cₜ₋₁ + i·g,
/// hₜ = o·tanh cₜ: (…, length, inputs) → (…, length, hidden) (Hochreiter and Schmidhuber 1997, Gers et al. 2000).
/// </summary>
public sealed class Lstm : Module
{
    private readonly int hidden;

    /// <summary>A layer with weights uniform in ±1/√hidden.</summary>
    /// <param name="inputs">The size of the last axis of the input, at least 1.</param>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="bias">False for a layer without b.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public Lstm(int inputs, int hidden, RandomKey key, bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(hidden, 1);
        this.hidden = hidden;
        var keys = key.Split(3);
        var bound = 1 / Math.Sqrt(hidden);
        InputWeight = Parameter("Wx", Init.Symmetric(keys[0], [4 * hidden, inputs], bound, dtype));
        StateWeight = Parameter("Wh", Init.Symmetric(keys[1], [4 * hidden, hidden], bound, dtype));
        if (bias) Bias = Parameter("bias", Init.Symmetric(keys[2], [4 * hidden], bound, dtype));
    }

    /// <summary>Wx, of shape (4·hidden, inputs), for i, f, g and o in turn.</summary>
    public Parameter InputWeight { get; }

    /// <summary>Wh, of shape (4·hidden, hidden), for i, f, g and o in turn.</summary>
    public Parameter StateWeight { get; }

    /// <summary>b, of shape (4·hidden), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings => $"{InputWeight.Shape[1]} → {hidden}";

    /// <summary>The states h of all steps, starting from zeros.</summary>
    /// <exception cref="ArgumentException">The input has another size, or no steps.</exception>
    public override Tensor Forward(Tensor x) => Forward(x, null, null).States;

    /// <summary>The states h and cells c of all steps.</summary>
    /// <param name="x">(…, length, inputs).</param>
    /// <param name="state">h before the first step, of shape (…, hidden), or null for zeros.</param>
    /// <param name="cell">c before the first step, of shape (…, hidden), or null for zeros.</param>
    /// <exception cref="ArgumentException">The input or a state has another size, or there are no steps.</exception>
    public (Tensor States, Tensor Cells) Forward(Tensor x, Tensor? state, Tensor? cell)
    {
        var shape = Recurrence.StateShape("lstm", x, InputWeight.Shape[1], hidden, state, cell);
        var h = state ?? Tensor.Zeros(shape, x.DType);
        var c = cell ?? Tensor.Zeros(shape, x.DType);
        var (states, cells) = (new List<Tensor>(), new List<Tensor>());
        foreach (var input in Recurrence.Project(x, InputWeight, Bias))
        {
            var gates = Recurrence.Gates(input + h.MatMul(StateWeight.T), 4);
            cells.Add(c = gates[1].Sigmoid() * c + gates[0].Sigmoid() * gates[2].Tanh());
            states.Add(h = gates[3].Sigmoid() * c.Tanh());
        }
        return (Recurrence.Stack(states), Recurrence.Stack(cells));
    }
}
