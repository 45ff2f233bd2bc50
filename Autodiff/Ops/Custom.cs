using ManagedFed.Graph;

namespace ManagedFed.Ops;

/// <summary>Result <c>Index</c> of a custom function. Inputs: that result as computed, all results, the arguments.</summary>
internal sealed record CustomOp(CustomFunction Function, int Index, int Results) : MoveOp
{
    public override string Name => "custom_function";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

    public override Layout View(Layout x) => x;

    // Without a rule the gradient goes through the result as computed.
    public override Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => Function.Vjp is null && i == 0 ? g : null;

    public override Tensor?[]? Gradients(Tensor g, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (Function.Vjp is null) return null;
        var (results, arguments) = (x[1..(Results + 1)].ToArray(), x[(Results + 1)..].ToArray());
        Tensor[] cotangents = [.. results.Select((result, i) => i == Index ? g : result.ZerosLike())];
        var gradients = Function.Vjp(arguments, cotangents, results);
        if (gradients is null) Throw.Invalid("custom_function", "the rule for gradients returned null, expected a gradient or null for each argument");
        if (gradients.Length != arguments.Length)
        {
            Throw.Invalid("custom_function", $"the rule for gradients gave {gradients.Length} for {arguments.Length} arguments");
        }
        for (var i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not { } gradient || gradient.Shape == arguments[i].Shape) continue;
            Throw.Invalid("custom_function", $"the gradient for argument {i} has shape {gradient.Shape}, the argument {arguments[i].Shape}");
        }
        return [.. new Tensor?[Results + 1], .. gradients];
    }

    public override Tensor? Jvp(ReadOnlySpan<Tensor?> t, ReadOnlySpan<Tensor> x, Tensor y)
    {
        if (Function.Jvp is null) return base.Jvp(t, x, y);
        var arguments = x[(Results + 1)..].ToArray();
        var tangents = t[(Results + 1)..].ToArray().Select((tangent, i) => tangent ?? arguments[i].ZerosLike());
        var derivatives = Function.Jvp(arguments, [.. tangents]);
        Called.Checked("custom_function", derivatives);
        if (derivatives.Length != Results) Throw.Invalid("custom_function", $"the rule for tangents gave {derivatives.Length} for {Results} results");
        if (derivatives[Index].Shape != y.Shape) Throw.Invalid("custom_function", $"the tangent of result {Index} has shape {derivatives[Index].Shape}, the result {y.Shape}");
        return derivatives[Index];
    }

    // A rule of its own computes the results anew, from operations that may have no rule for a batch.
    public override bool BatchReads(int i) => Function.Vmap is null || i > Results;

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        // Unread results are of one member's shape.
        var results = Batching.Stretch(x[1..(Results + 1)], batched[1..(Results + 1)], size);
        return Function.Batch(results, x[(Results + 1)..].ToArray(), batched[(Results + 1)..].ToArray(), size)[Index];
    }
}
