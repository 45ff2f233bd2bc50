namespace ManagedFed.Graph;

/// <summary>Forward-mode differentiation: the tangents of a graph are more graph.</summary>
internal static class Tangents
{
    /// <summary>The outputs' derivatives along a direction of the sources; null where there is no path.</summary>
    public static Tensor?[] Run(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> sources, ReadOnlySpan<Tensor> directions)
    {
        var tangents = new Dictionary<Tensor, Tensor>();
        for (var i = 0; i < sources.Length; i++) tangents[sources[i]] = directions[i];
        foreach (var node in Paths.Between(sources, outputs, out _))
        {
            var inputs = Array.ConvertAll(node.Inputs, input => tangents.GetValueOrDefault(input));
            if (Array.TrueForAll(inputs, input => input is null)) continue;
            var (x, y) = Rules.Operands(node);
            if (!ReferenceEquals(y, node)) inputs = Array.ConvertAll(inputs, input => input is null ? null : Rules.Widen(input));
            if (node.Op!.Jvp(inputs, x, y) is { } tangent) tangents[node] = tangent.AsType(node.DType);
        }
        var result = new Tensor?[outputs.Length];
        for (var i = 0; i < result.Length; i++) result[i] = tangents.GetValueOrDefault(outputs[i]);
        return result;
    }

    /// <summary>An operation's tangent by its own rule for cotangents.</summary>
    /// <remarks>
    /// That rule is linear in the cotangent c, so its gradient with respect to c, along the inputs' tangents, is the output's
    /// tangent. The value of c is never asked for, and what only it would need is never computed.
    /// </remarks>
    public static Tensor? Transposed(Op op, ReadOnlySpan<Tensor?> t, ReadOnlySpan<Tensor> x, Tensor y)
    {
        var trace = new Trace();
        try
        {
            var c = Tensor.Argument(y.Shape, y.DType, trace, "jvp");
            var all = op.Gradients(c, x, y);
            var (gradients, directions) = (new List<Tensor>(), new List<Tensor>());
            for (var i = 0; i < x.Length; i++)
            {
                if (t[i] is not { } direction || (all is null ? op.Vjp(i, c, x, y) : all[i]) is not { } gradient) continue;
                gradients.Add(Backward.Fit(gradient, x[i]));
                directions.Add(direction);
            }
            return gradients.Count == 0 ? null : Backward.Run([.. gradients], [.. directions], [c])[0];
        }
        finally
        {
            trace.Close();
        }
    }
}
