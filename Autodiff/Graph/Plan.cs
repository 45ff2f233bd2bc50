using ManagedFed.Ops;

namespace ManagedFed.Graph;

/// <summary>
/// A graph prepared to run again and again: common subexpressions removed, every buffer assigned, nothing left to
/// allocate.
/// </summary>
internal sealed class Plan
{
    private readonly Instruction[] instructions;
    private readonly NdArray[] outputs;
    private readonly List<NdArray>[] bindings;

    private readonly record struct Instruction(Op Op, NdArray[] Operands, NdArray Output);

    /// <param name="inputs">Placeholders whose arrays are given at each run.</param>
    /// <param name="state">Placeholders that live in fixed memory.</param>
    /// <param name="memory">That memory. The first results are the new values of the first of it, and may be written there.</param>
    /// <param name="updates">How many of the results are new values.</param>
    /// <param name="results">What to compute.</param>
    public Plan(Tensor[] inputs, Tensor[] state, NdArray[] memory, int updates, Tensor[] results)
    {
        var (order, constants) = Topology.Simplify([.. inputs, .. state], ref results);
        Evaluator.Run(constants);
        var buffers = new BufferPlan(order, results);
        bindings = Array.ConvertAll(inputs, _ => new List<NdArray>());
        for (var i = 0; i < inputs.Length; i++) buffers.Bind(inputs[i], NdArray.Rent(inputs[i].Shape, inputs[i].DType), bindings[i]);
        for (var i = 0; i < state.Length; i++) buffers.Reuse(state[i], memory[i], i < updates ? results[i] : null);
        foreach (var constant in constants) buffers.Bind(constant, constant.Data!, null);

        var program = new List<Instruction>();
        foreach (var node in order)
        {
            if (buffers.TryView(node)) continue;
            var (operands, output) = buffers.Assign(node);
            program.Add(new(node.Op!, operands, output));
        }
        instructions = [.. program];
        outputs = Array.ConvertAll(results, buffers.ArrayOf);
        NodeCount = order.Count;
        foreach (var storage in buffers.Storages) storage.Escape();
    }

    /// <summary>The nodes left after simplification.</summary>
    public int NodeCount { get; }

    /// <summary>The results of the last run; the next one overwrites them.</summary>
    public ReadOnlySpan<NdArray> Outputs => outputs;

    /// <summary>Computes the results. The inputs are contiguous arrays of the placeholders' shapes and types.</summary>
    public void Run(ReadOnlySpan<NdArray> inputs)
    {
        for (var i = 0; i < inputs.Length; i++)
        {
            foreach (var view in bindings[i]) view.Rebind(inputs[i]);
        }
        foreach (var (op, operands, output) in instructions) op.Forward(operands, output);
    }
}
