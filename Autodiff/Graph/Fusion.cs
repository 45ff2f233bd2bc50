using ManagedFed.Kernels;
using ManagedFed.Ops;

namespace ManagedFed.Graph;

/// <summary>
/// Joins the nodes of an ordered graph into units: elementwise operations of one shape and perhaps a reduction of their
/// rows, and a matrix product with what follows it element by element.
/// </summary>
internal static class Fusion
{
    /// <summary>The units, inputs before consumers.</summary>
    public static List<Unit> Group(List<Tensor> order, Tensor[] results)
    {
        var readers = order.SelectMany(node => node.Inputs).Concat(results).CountBy(node => node).ToDictionary();
        var unitOf = new Dictionary<Tensor, Unit>();
        var units = new List<Unit>();
        var spans = new Spans();
        for (var i = 0; i < order.Count; i++)
        {
            var node = order[i];
            var unit = new Unit(node, i, node.Inputs.Where(unitOf.ContainsKey).Select(input => unitOf[input].Root));
            if (!TryFollowProduct(unit, node, unitOf, readers, spans)) Extend(unit, node, unitOf, spans);
            unitOf[node] = unit;
            units.Add(unit);
        }
        var sorted = Sort(units);
        var outside = order.SelectMany(node => node.Inputs.Where(input => unitOf.ContainsKey(input) && unitOf[input].Root != unitOf[node].Root)).Concat(results).ToHashSet();
        foreach (var unit in sorted)
        {
            // The register of a product with a follower is never used: it only says that the sums need no memory.
            if (unit.Nodes.Count > 1) unit.AssignRegisters(outside.Contains);
        }
        return sorted;
    }

    /// <summary>Joins a node with the matrix product that it alone reads.</summary>
    private static bool TryFollowProduct(Unit unit, Tensor node, Dictionary<Tensor, Unit> unitOf, Dictionary<Tensor, int> readers, Spans spans)
    {
        if (node.Op is not IAfterProduct || node.DType.IsNarrow() || node.Inputs[0] is not { Op: MatMul } product || readers[product] != 1) return false;
        if (node.Inputs.Length > 1 && product.Inputs.Length > 2) return false;
        if (product.Shape != node.Shape || !Array.TrueForAll(node.Inputs[1..], other => other.Shape == node.Shape && IsDense(other))) return false;
        if (!unitOf.TryGetValue(product, out var first) || !unit.TryMerge(first, spans)) return false;
        unit.Close();
        return true;
    }

    private static bool IsDense(Tensor input) => input.Op is not { MayView: true } && input.Data is null or { IsContiguous: true };

    /// <summary>Joins a node with the chains of its inputs.</summary>
    private static void Extend(Unit unit, Tensor node, Dictionary<Tensor, Unit> unitOf, Spans spans)
    {
        var isFold = node.Op is IFold fold && fold.FoldsRows(node.Inputs[0].Shape, node.Inputs[0].DType);
        if (!unit.IsChain && !isFold) return;
        foreach (var input in node.Inputs)
        {
            if (!unitOf.TryGetValue(input, out var own) || own.Root is not { IsChain: true } chain || chain == unit) continue;
            var fits = chain.Last.Shape == (isFold ? input.Shape : node.Shape) && chain.Nodes.Count + unit.Nodes.Count <= FusedChain.MaxSteps;
            // A reduction reads the chain's last step.
            if (fits && (!isFold || ReferenceEquals(chain.Last, input))) unit.TryMerge(chain, spans);
        }
        if (isFold) unit.Close();
    }

    private static List<Unit> Sort(List<Unit> units)
    {
        var roots = units.Where(unit => unit.Root == unit).ToArray();
        var followers = roots.SelectMany(unit => unit.Needs.Select(need => (need, unit))).ToLookup(pair => pair.need, pair => pair.unit);
        var missing = roots.ToDictionary(unit => unit, unit => unit.Needs.Count());
        var ready = new PriorityQueue<Unit, int>();
        foreach (var unit in roots.Where(unit => missing[unit] == 0)) ready.Enqueue(unit, unit.Nodes.Keys[^1]);
        var sorted = new List<Unit>();
        while (ready.TryDequeue(out var unit, out _))
        {
            sorted.Add(unit);
            foreach (var follower in followers[unit])
            {
                if (--missing[follower] == 0) ready.Enqueue(follower, follower.Nodes.Keys[^1]);
            }
        }
        return sorted;
    }
}
