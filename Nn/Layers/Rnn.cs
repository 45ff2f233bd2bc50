namespace ManagedFed.Nn;

/// <summary>hₜ = f(xₜ·Wxhᵀ + hₜ₋₁·Whhᵀ + b): (…, length, inputs) → (…, length, hidden) (Elman 1990).</summary>
public sealed class Rnn : Module
{
    private readonly Func<Tensor, Tensor> nonlinearity;

    /// <summary>A layer with weights uniform in ±1/√hidden.</summary>
    /// <param name="inputs">The size of the last axis of the input, at least 1.</param>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="bias">False for a layer without b.</param>
    /// <param name="nonlinearity">f, by default tanh.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public Rnn(
        int inputs, int hidden, RandomKey key, bool bias = true, Func<Tensor, Tensor>? nonlinearity = null, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(hidden, 1);
        this.nonlinearity = nonlinearity ?? Activations.Tanh;
        var keys = key.Split(3);
        var bound = 1 / Math.Sqrt(hidden);
        InputWeight = Parameter("Wxh", Init.Symmetric(keys[0], [hidden, inputs], bound, dtype));
        StateWeight = Parameter("Whh", Init.Symmetric(keys[1], [hidden, hidden], bound, dtype));
        if (bias) Bias = Parameter("bias", Init.Symmetric(keys[2], [hidden], bound, dtype));
    }

    /// <summary>Wxh, of shape (hidden, inputs).</summary>
    public Parameter InputWeight { get; }

    /// <summary>Whh, of shape (hidden, hidden).</summary>
    public Parameter StateWeight { get; }

    /// <summary>b, of shape (hidden), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings => $"{InputWeight.Shape[1]} → {InputWeight.Shape[0]}";

    /// <summary>The states of all steps, starting from zeros.</summary>
    /// <exception cref="ArgumentException">The input has another size, or no steps.</exception>
    public override Tensor Forward(Tensor x) => Forward(x, null);

    /// <summary>The states of all steps, starting from <paramref name="state"/> of shape (…, hidden), or zeros.</summary>
    /// <exception cref="ArgumentException">The input or the state has another size, or there are no steps.</exception>
    public Tensor Forward(Tensor x, Tensor? state)
    {
        var shape = Recurrence.StateShape("rnn", x, InputWeight.Shape[1], InputWeight.Shape[0], state);
        var h = state ?? Tensor.Zeros(shape, x.DType);
        var states = new List<Tensor>();
        foreach (var input in Recurrence.Project(x, InputWeight, Bias)) states.Add(h = nonlinearity(input + h.MatMul(StateWeight.T)));
        return Recurrence.Stack(states);
    }
}
