using System.Text;

namespace ManagedFed.Graph;

/// <summary>Writes graphs as text, one operation a line, and in the DOT language of Graphviz.</summary>
internal static class Printer
{
    /// <summary>A node as printed: its operation, what it reads, and the pass that computes it.</summary>
    public sealed record Line(Tensor Node, string Operation, IReadOnlyList<Tensor> Inputs, int Pass);

    /// <summary>The part of a graph that is not computed yet, inputs before consumers; a value that is known stands for itself.</summary>
    public static List<Line> Lines(ReadOnlySpan<Tensor> outputs)
    {
        var lines = new List<Line>();
        var seen = new HashSet<Tensor>();
        var stack = new Stack<(Tensor Node, int Next)>();
        foreach (var output in outputs)
        {
            if (seen.Add(output)) stack.Push((output, 0));
            while (stack.TryPop(out var frame))
            {
                var (node, next) = frame;
                var inputs = node.Data is null ? node.Inputs : [];
                if (next < inputs.Length)
                {
                    stack.Push((node, next + 1));
                    if (seen.Add(inputs[next])) stack.Push((inputs[next], 0));
                    continue;
                }
                lines.Add(new(node, node.Data is null ? Describe(node.Op!) : "value", inputs, -1));
            }
        }
        return lines;
    }

    /// <summary>The operations of a plan; those of one pass over memory run as one kernel, and views take none.</summary>
    /// <param name="units">The plan's.</param>
    /// <param name="fused">False to leave the passes out.</param>
    public static List<Line> Lines(IEnumerable<(Unit Unit, bool IsPass)> units, bool fused)
    {
        var (lines, known, passes) = (new List<Line>(), new HashSet<Tensor>(), 0);
        foreach (var (unit, isPass) in units)
        {
            var pass = fused && isPass ? passes++ : -1;
            foreach (var node in unit.Nodes.Values)
            {
                foreach (var input in node.Inputs)
                {
                    if (known.Add(input)) lines.Add(new(input, input.Op is Ops.Placeholder ? "argument" : "constant", [], -1));
                }
                lines.Add(new(node, Describe(node.Op!), node.Inputs, pass));
                known.Add(node);
            }
        }
        return lines;
    }

    /// <summary>One line for each node: <c>%2 = sum[Axes = (0)] %1 : float32 (1, 4)</c>, behind it the pass if there is one.</summary>
    public static string Text(IReadOnlyList<Line> lines)
    {
        var names = Names(lines);
        var text = new StringBuilder();
        foreach (var (node, operation, inputs, pass) in lines)
        {
            text.Append('%').Append(names[node]).Append(" = ").Append(operation);
            foreach (var input in inputs) text.Append(" %").Append(names[input]);
            text.Append(" : ").Append(node.DType.Name()).Append(' ').Append(node.Shape);
            if (pass >= 0) text.Append("  # pass ").Append(pass);
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>A directed graph, operations of one pass in a box.</summary>
    public static string Dot(IReadOnlyList<Line> lines)
    {
        var names = Names(lines);
        var text = new StringBuilder("digraph {\n  node [shape=box, fontname=monospace]\n");
        foreach (var group in lines.GroupBy(line => line.Pass))
        {
            if (group.Key >= 0) text.Append("  subgraph cluster_").Append(group.Key).Append(" { label=\"pass ").Append(group.Key).Append("\"\n");
            foreach (var (node, operation, _, _) in group)
            {
                var shape = operation is "value" or "argument" or "constant" ? ", shape=ellipse" : "";
                text.Append("  n").Append(names[node]).Append(" [label=\"").Append(operation).Append("\\n")
                    .Append(node.DType.Name()).Append(' ').Append(node.Shape).Append('"').Append(shape).Append("]\n");
            }
            if (group.Key >= 0) text.Append("  }\n");
        }
        foreach (var (node, _, inputs, _) in lines)
        {
            foreach (var input in inputs) text.Append("  n").Append(names[input]).Append(" -> n").Append(names[node]).Append('\n');
        }
        return text.Append("}\n").ToString();
    }

    private static Dictionary<Tensor, int> Names(IReadOnlyList<Line> lines)
    {
        var names = new Dictionary<Tensor, int>();
        foreach (var line in lines) names.TryAdd(line.Node, names.Count);
        return names;
    }

    private static string Describe(Op op) => op is Ops.Placeholder ? "argument" : op.Parameters is { Length: > 0 } parameters ? $"{op.Name}[{parameters}]" : op.Name;
}
