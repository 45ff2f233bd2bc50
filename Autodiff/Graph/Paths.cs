namespace ManagedFed.Graph;

/// <summary>The part of a graph that a transform goes through.</summary>
internal static class Paths
{
    /// <summary>Every node on a path from a source to an output, inputs before consumers, without the sources.</summary>
    /// <param name="sources">Where the paths begin.</param>
    /// <param name="outputs">Where they end.</param>
    /// <param name="depends">True for each source, and each node on the way to an output that depends on one.</param>
    public static List<Tensor> Between(
        ReadOnlySpan<Tensor> sources, ReadOnlySpan<Tensor> outputs, out Dictionary<Tensor, bool> depends)
    {
        var visited = depends = [];
        var order = new List<Tensor>();
        var stack = new Stack<(Tensor Node, int Next)>();
        var oldest = long.MaxValue;
        foreach (var source in sources)
        {
            visited[source] = true;
            oldest = Math.Min(oldest, source.TracedBy?.Id ?? 0);
        }
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
            // Only nodes recorded under a source's trace, or one within it, can depend on the source.
            if (node.TracedBy is { } trace && trace.Id >= oldest && visited.TryAdd(node, false)) stack.Push((node, 0));
        }
    }
}
