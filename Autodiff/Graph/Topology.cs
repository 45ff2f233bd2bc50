using ManagedFed.Ops;

namespace ManagedFed.Graph;

/// <summary>Orders and simplifies the graph of a compiled function.</summary>
internal static class Topology
{
    /// <summary>
    /// The nodes to compute at each run, inputs before consumers and none twice, and the values that need computing once.
    /// </summary>
    /// <param name="placeholders">The arguments.</param>
    /// <param name="results">The results; replaced by the nodes that stand for them.</param>
    public static (List<Tensor> Order, Tensor[] Constants) Simplify(Tensor[] placeholders, ref Tensor[] results)
    {
        // The node that stands for each visited one; operations with equal parameters and inputs have one between them.
        var canonical = new Dictionary<Tensor, Tensor>();
        var known = new Dictionary<Expression, Tensor>();
        var variable = new HashSet<Tensor>();
        foreach (var placeholder in placeholders)
        {
            canonical[placeholder] = placeholder;
            variable.Add(placeholder);
        }
        var order = new List<Tensor>();
        var frozen = new List<Tensor>();

        // What may be refused runs as early as it can: before the first new value is written over an old one, if that is possible.
        Tensor[] first = [.. PostOrder(results, canonical.ContainsKey).Where(node => node.Op is { ChecksValues: true })];
        foreach (var node in PostOrder([.. first, .. results], canonical.ContainsKey))
        {
            var inputs = Array.ConvertAll(node.Inputs, input => canonical[input]);
            if (node.Op is IFold { Through: { } wide } fold && inputs[0].DType != wide && variable.Contains(inputs[0]) && fold.FoldsRows(inputs[0].Shape, wide))
            {
                // Converted in the same pass by the rows' own chain.
                inputs = [Known(new Cast(wide), inputs)];
            }
            var kept = inputs.AsSpan().SequenceEqual(node.Inputs) ? node : Tensor.Apply(node.Op!, inputs);
            if (!Array.Exists(inputs, variable.Contains))
            {
                frozen.Add(kept);
                canonical[node] = kept;
                continue;
            }
            if (node.Op is Alias or StopGradient or CustomOp)
            {
                canonical[node] = inputs[0];
                continue;
            }
            canonical[node] = Known(node.Op!, inputs, kept);
        }
        Check(frozen);
        results = Array.ConvertAll(results, result => canonical[result]);
        Prune(order, results);
        var constants = order.SelectMany(node => node.Inputs).Concat(results).Where(node => !variable.Contains(node)).Distinct();
        return (order, [.. constants]);

        Tensor Known(Op op, Tensor[] inputs, Tensor? made = null)
        {
            var expression = new Expression(op, inputs);
            if (known.TryGetValue(expression, out var same)) return same;
            var kept = made ?? Tensor.Apply(op, inputs);
            known[expression] = kept;
            variable.Add(kept);
            order.Add(kept);
            return kept;
        }
    }

    /// <summary>Drops what no result needs: a custom function's other results, say, and what only they were computed from.</summary>
    private static void Prune(List<Tensor> order, Tensor[] results)
    {
        var needed = new HashSet<Tensor>(results);
        for (var i = order.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(order[i])) needed.UnionWith(order[i].Inputs);
        }
        order.RemoveAll(node => !needed.Contains(node));
    }

    /// <summary>Refuses constants that would freeze what is meant to change from call to call.</summary>
    private static void Check(List<Tensor> constants)
    {
        if (constants.Find(constant => constant.IsState) is { } state)
        {
            Throw.Invalid("compile", $"a parameter or state of shape {state.Shape} is captured, and its changes would not be seen; compile with the module");
        }
        if (constants.Exists(constant => constant.Op is RandomBits))
        {
            Throw.Invalid("compile", "random numbers of a fixed key would repeat at every call; keep the key in a module's buffer or pass it as an argument, or evaluate the numbers before if they are a constant");
        }
    }

    private static IEnumerable<Tensor> PostOrder(Tensor[] results, Func<Tensor, bool> isArgument)
    {
        var seen = new HashSet<Tensor>();
        var stack = new Stack<(Tensor Node, int Next)>();
        foreach (var result in results)
        {
            if (isArgument(result) || !seen.Add(result)) continue;
            stack.Push((result, 0));
            while (stack.TryPop(out var frame))
            {
                var (node, next) = frame;
                if (next == node.Inputs.Length)
                {
                    yield return node;
                    continue;
                }
                stack.Push((node, next + 1));
                var input = node.Inputs[next];
                if (!isArgument(input) && seen.Add(input)) stack.Push((input, 0));
            }
        }
    }

    /// <summary>An operation and its inputs, compared by value and by identity.</summary>
    private readonly struct Expression(Op op, Tensor[] inputs) : IEquatable<Expression>
    {
        private readonly Op op = op;
        private readonly Tensor[] inputs = inputs;

        public bool Equals(Expression other) => op.Equals(other.op) && inputs.AsSpan().SequenceEqual(other.inputs);

        public override bool Equals(object? obj) => obj is Expression other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(op);
            foreach (var input in inputs) hash.Add(input);
            return hash.ToHashCode();
        }
    }
}
