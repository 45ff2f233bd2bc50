namespace ManagedFed.Graph;

/// <summary>Reverse-mode differentiation: the gradient of a graph is more graph.</summary>
internal static class Backward
{
    /// <summary>Gradients of Σ ⟨outputs, cotangents⟩ with respect to <paramref name="sources"/>; null where there is no path.</summary>
    public static Tensor?[] Run(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> cotangents, ReadOnlySpan<Tensor> sources)
    {
        var order = Paths.Between(sources, outputs, out var depends);
        var gradients = new Dictionary<Tensor, Tensor>(order.Count);
        for (var i = 0; i < outputs.Length; i++) Accumulate(gradients, outputs[i], cotangents[i]);
        for (var n = order.Count - 1; n >= 0; n--)
        {
            var node = order[n];
            if (!gradients.Remove(node, out var gradient)) continue;
            var inputs = node.Inputs;
            var (x, y) = Rules.Operands(node);
            if (!ReferenceEquals(y, node)) gradient = Rules.Widen(gradient);
            var all = node.Op!.Gradients(gradient, x, y);
            for (var i = 0; i < inputs.Length; i++)
            {
                if (!depends.GetValueOrDefault(inputs[i])) continue;
                var part = all is null ? node.Op.Vjp(i, gradient, x, y) : all[i];
                if (part is not null) Accumulate(gradients, inputs[i], Fit(part, inputs[i]));
            }
        }
        var result = new Tensor?[sources.Length];
        for (var i = 0; i < result.Length; i++) result[i] = gradients.GetValueOrDefault(sources[i]);
        return result;
    }

    private static void Accumulate(Dictionary<Tensor, Tensor> gradients, Tensor node, Tensor part) =>
        gradients[node] = gradients.TryGetValue(node, out var sum) ? sum + part : part;

    /// <summary>Undoes broadcasting and promotion: sums over stretched axes, casts back.</summary>
    internal static Tensor Fit(Tensor gradient, Tensor input)
    {
        if (gradient.Shape != input.Shape)
        {
            var lead = gradient.Rank - input.Rank;
            var axes = new List<int>();
            for (var axis = 0; axis < gradient.Rank; axis++)
            {
                if (axis < lead || (input.Shape[axis - lead] == 1 && gradient.Shape[axis] != 1)) axes.Add(axis);
            }
            if (axes.Count > 0) gradient = gradient.Sum([.. axes], keepDims: true);
            gradient = gradient.Reshape(input.Shape);
        }
        return gradient.AsType(input.DType);
    }
}
