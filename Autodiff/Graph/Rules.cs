namespace ManagedFed.Graph;

/// <summary>What a rule for derivatives is given.</summary>
/// <remarks>
/// A rule is several steps, and an operation on float16 or bfloat16 rounds once: so its rule gets the inputs in float32, and the
/// output as it is before it is rounded, computed anew if the rule asks for it. Whoever calls the rule rounds its result.
/// </remarks>
internal static class Rules
{
    /// <summary>A node's inputs and output in the type that its rules calculate in.</summary>
    public static (Tensor[] Inputs, Tensor Output) Operands(Tensor node)
    {
        var (op, inputs) = (node.Op!, node.Inputs);
        if (!node.DType.IsHalf() || !op.WidensRules) return (inputs, node);
        var wide = Array.ConvertAll(inputs, Widen);
        return (wide, Tensor.Apply(op, wide));
    }

    /// <summary>A float16 or bfloat16 tensor as float32; others as they are.</summary>
    public static Tensor Widen(Tensor x) => x.DType.IsHalf() ? x.AsType(DType.Float32) : x;
}
