namespace ManagedFed.Graph;

/// <summary>Reverse-mode differentiation: the gradient of a graph is more graph.</summary>
internal static class Backward
{
    /// <summary>Gradients of Σ ⟨outputs, cotangents⟩ with respect to <paramref name="sources"/>; null where there is no path.</summary>
    public static Tensor?[] Run(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> cotangents, ReadOnlySpan<Tensor> sources)
    {
        var order = Dependents(outputs, sources, out var depends);
        var gradients = new Dictionary<Tensor, Tensor>(order.Count);
        for (var i = 0; i < outputs.Length; i++) Accumulate(gradients, outputs[i], cotangents[i]);
        for (var n = order.Count - 1; n >= 0; n--)
        {
            var node = order[n];
            if (!gradients.Remove(node, out var gradient)) continue;
            var inputs = node.Inputs;
            for (var i = 0; i < inputs.Length; i++)
            {
                if (!depends.GetValueOrDefault(inputs[i])) continue;
                if (node.Op!.Vjp(i, gradient, inputs, node) is { } part) Accumulate(gradients, inputs[i], Fit(part, inputs[i]));
            }
        }
        var result = new Tensor?[sources.Length];
        for (var i = 0; i < result.Length; i++) result[i] = gradients.GetValueOrDefault(sources[i]);
        return result;
    }

    private static void Accumulate(Dictionary<Tensor, Tensor> gradients, Tensor node, Tensor part) =>
        gradients[node] = gradients.TryGetValue(node, out var sum) ? sum + part : part;

    /// <summary>Undoes broadcasting and promotion: sums over stretched axes, casts back.</summary>
    private static Tensor Fit(Tensor gradient, Tensor input)
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

    /// <summary>Every node on a path from a source to an output, inputs before consumers, without the sources.</summary>
    private static List<Tensor> Dependents(
        ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> sources, out Dictionary<Tensor, bool> depends)
    {
        var visited = depends = [];
        var order = new List<Tensor>();
        var stack = new Stack<(Tensor Node, int Next)>();
        foreach (var source in sources) visited[source] = true;
        foreach (var output in outputs)
        {
            Push(output);
            while (stack.TryPop(out var frame))
            {
                var (node, next) = frame;
                var inputs = node.Inputs;
                if (next < inputs.Length)
                {
                    stack.Push((node, next + 1));
                    Push(inputs[next]);
                    continue;
                }
                foreach (var input in inputs)
                {
                    if (!visited.GetValueOrDefault(input)) continue;
                    visited[node] = true;
                    order.Add(node);
                    break;
                }
            }
        }
        return order;

        void Push(Tensor node)
        {
            // Only nodes recorded under a trace can depend on one of its arguments.
            if (node.Trace is not null && visited.TryAdd(node, false)) stack.Push((node, 0));
        }
    }
}
