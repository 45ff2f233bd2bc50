namespace ManagedFed.Nn;

/// <summary>What recurrent layers share: (…, length, inputs) → (…, length, hidden).</summary>
internal static class Recurrence
{
    /// <summary>The sizes of a state for an input, after checking both.</summary>
    public static Shape StateShape(string layer, Tensor x, int inputs, int hidden, params ReadOnlySpan<Tensor?> states)
    {
        LayerInput.Expect(layer, x, inputs, rank: 2);
        if (x.Shape[-2] == 0) Throw.Argument(layer, $"input of shape {x.Shape} has no steps");
        Shape shape = [.. x.Shape.Sizes[..^2], hidden];
        foreach (var state in states)
        {
            if (state is not null && state.Shape != shape) Throw.Argument(layer, $"state has shape {state.Shape}, expected {shape} for an input of {x.Shape}");
        }
        return shape;
    }

    /// <summary>x·Wᵀ + b for all steps at once, as one tensor for each step.</summary>
    public static IEnumerable<Tensor> Project(Tensor x, Parameter weight, Parameter? bias)
    {
        var all = bias is null ? x.MatMul(weight.T) : Tensor.AddMM(bias, x, weight.T);
        for (var t = 0; t < x.Shape[-2]; t++) yield return all.Slice(-2, t, 1).Squeeze(-2);
    }

    /// <summary>The states of all steps along the second axis from the last.</summary>
    public static Tensor Stack(List<Tensor> states) => Tensor.Stack(states, states[0].Rank - 1);

    /// <summary>The n equal parts of the last axis.</summary>
    public static Tensor[] Gates(Tensor x, int n) => x.Split(n, -1);
}
