using ManagedFed.Kernels;

namespace ManagedFed.Graph;

/// <summary>
/// A graph prepared to run again and again: common subexpressions removed, operations fused, every buffer assigned,
/// nothing left to allocate.
/// </summary>
internal sealed class Plan
{
    private readonly (Unit Unit, bool IsPass)[] units;
    private readonly Instruction[] instructions;
    private readonly NdArray[] outputs;
    private readonly List<NdArray>[] bindings;

    // For each result that can be given away the arrays in its memory, and whether it was.
    private readonly List<NdArray>?[] leaving;
    private readonly bool[] isGone;

    /// <param name="inputs">Placeholders whose arrays are given at each run.</param>
    /// <param name="state">Placeholders that live in fixed memory.</param>
    /// <param name="memory">That memory. The first results are the new values of the first of it, and may be written there.</param>
    /// <param name="updates">How many of the results are new values.</param>
    /// <param name="results">What to compute.</param>
    public Plan(Tensor[] inputs, Tensor[] state, NdArray[] memory, int updates, Tensor[] results)
    {
        var (order, constants) = Topology.Simplify([.. inputs, .. state], ref results);
        Evaluator.Run(constants);
        var groups = Fusion.Group(order, results);
        var buffers = new BufferPlan(groups, results);
        bindings = Array.ConvertAll(inputs, _ => new List<NdArray>());
        for (var i = 0; i < inputs.Length; i++) buffers.Bind(inputs[i], NdArray.Rent(inputs[i].Shape, inputs[i].DType), bindings[i]);

        // A run that is refused leaves all old values: new ones that come before its last check get memory of their own.
        var check = groups.FindLastIndex(unit => unit.Nodes.Values.Any(node => node.Op!.ChecksValues));
        var safe = groups.Skip(check + 1).SelectMany(unit => unit.Nodes.Values).ToHashSet();
        for (var i = 0; i < state.Length; i++) buffers.Reuse(state[i], memory[i], i < updates && safe.Contains(results[i]) ? results[i] : null);
        foreach (var constant in constants) buffers.Bind(constant, constant.Data!, null);

        var computed = groups.SelectMany(unit => unit.Nodes.Values).Where(node => !node.Op!.MayView).Except(results[..updates]).ToHashSet();
        leaving = Array.ConvertAll(results, result => computed.Remove(result) ? new List<NdArray>() : null);
        isGone = new bool[results.Length];
        for (var i = 0; i < results.Length; i++)
        {
            if (leaving[i] is { } views) buffers.LetGo(results[i], views);
        }
        var prepared = new List<Instruction>();
        units = new (Unit, bool)[groups.Count];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = (groups[i], !buffers.TryView(groups[i]));
            if (units[i].IsPass) prepared.Add(Prepare(groups[i], buffers));
        }
        instructions = [.. prepared];
        outputs = Array.ConvertAll(results, buffers.ArrayOf);
        NodeCount = order.Count;
        foreach (var storage in buffers.Storages) storage.Escape();
    }

    /// <summary>The nodes left after simplification.</summary>
    public int NodeCount { get; }

    /// <summary>The kernel calls of one run.</summary>
    public int KernelCount => instructions.Length;

    /// <summary>The operations in order; those of one unit run in one pass over memory, or give a view and take none.</summary>
    public IReadOnlyList<(Unit Unit, bool IsPass)> Units => units;

    /// <summary>The results of the last run; the next one overwrites them.</summary>
    public ReadOnlySpan<NdArray> Outputs => outputs;

    /// <summary>A result of the last run for the caller to keep, with one claim: a copy where the plan cannot do without the memory.</summary>
    public NdArray Take(int i)
    {
        if (leaving[i] is null || isGone[i]) return outputs[i].Duplicate();
        isGone[i] = true;
        return outputs[i].View(outputs[i].Layout);
    }

    /// <summary>Computes the results. The inputs are contiguous arrays of the placeholders' shapes and types.</summary>
    public void Run(ReadOnlySpan<NdArray> inputs)
    {
        for (var i = 0; i < inputs.Length; i++)
        {
            foreach (var view in bindings[i]) view.Rebind(inputs[i]);
        }
        for (var i = 0; i < isGone.Length; i++)
        {
            if (isGone[i]) Replace(i);
        }
        foreach (var instruction in instructions) instruction.Run();
    }

    /// <summary>Gives a result new memory, since that of the last run is the caller's.</summary>
    private void Replace(int i)
    {
        var fresh = NdArray.Rent(outputs[i].Shape, outputs[i].DType);
        fresh.Storage.Escape();
        foreach (var view in leaving[i]!) view.Rebind(fresh);
        isGone[i] = false;
    }

    private static Instruction Prepare(Unit unit, BufferPlan buffers)
    {
        buffers.Assign(unit);
        var last = unit.Last;
        if (unit.Nodes.Count == 1) return new Compute(last.Op!, Operands(last, buffers), buffers.ArrayOf(last));
        if (last.Op is IAfterProduct after && unit.Nodes.Values[0] is { Op: Ops.MatMul } product)
        {
            var other = last.Inputs.Length > 1 ? buffers.ArrayOf(last.Inputs[1]) : null;
            return new ComputeProduct(after, Operands(product, buffers), other, buffers.ArrayOf(last));
        }
        if (last.Op is not IFold fold) return new ComputeChain(Chain(unit.Nodes.Values, unit, buffers));
        return new ComputeFold(Chain(unit.Nodes.Values.SkipLast(1), unit, buffers, FusedChain.ReductionTile), fold, buffers.ArrayOf(last));
    }

    private static NdArray[] Operands(Tensor node, BufferPlan buffers)
    {
        var operands = new NdArray[node.Inputs.Length];
        for (var i = 0; i < operands.Length; i++) operands[i] = buffers.OperandOf(node, i);
        return operands;
    }

    private static FusedChain Chain(IEnumerable<Tensor> nodes, Unit unit, BufferPlan buffers, int shortestTile = FusedChain.ShortestTile)
    {
        return new(unit.Nodes.Values[0].Shape, [.. nodes.Select(Step)], shortestTile);

        FusedStep Step(Tensor node)
        {
            var operands = new FusedPlace[node.Inputs.Length];
            for (var i = 0; i < operands.Length; i++)
            {
                var register = unit.RegisterOf(node.Inputs[i]);
                operands[i] = new(register < 0 ? buffers.OperandOf(node, i) : null, register, node.Inputs[i].DType);
            }
            var own = unit.RegisterOf(node);
            return new(node.Op!.Loop(node.Inputs)!.Value, operands, new(own < 0 ? buffers.ArrayOf(node) : null, own, node.DType));
        }
    }
}
