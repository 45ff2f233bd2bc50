namespace ManagedFed.Graph;

/// <summary>A function recorded with arguments that have no value, to be built anew with others.</summary>
internal sealed class Recording
{
    private readonly Tensor[] sources;

    /// <param name="f">The function; called once.</param>
    /// <param name="arguments">What the arguments will be like.</param>
    /// <param name="transform">The transform, for messages.</param>
    public Recording(Func<Tensor[], Tensor[]> f, Tensor[] arguments, string transform)
    {
        var trace = new Trace();
        try
        {
            var placeholders = Array.ConvertAll(arguments, argument => Tensor.Argument(argument.Shape, argument.DType, trace, transform));
            Outputs = f(placeholders);
            Captured = [.. Paths.Between(placeholders, Outputs, out var depends)
                .SelectMany(node => node.Inputs).Concat(Outputs)
                .Where(input => !depends.GetValueOrDefault(input) && input.IsTraced).Distinct()];
            sources = [.. placeholders, .. Captured];
        }
        finally
        {
            trace.Close();
        }
    }

    /// <summary>The results, without values.</summary>
    public Tensor[] Outputs { get; }

    /// <summary>Tensors that the function took from outside and that a transform around it may differentiate by.</summary>
    public Tensor[] Captured { get; }

    /// <summary>The results for other arguments and, behind them, other tensors in the places of the captured ones.</summary>
    public Tensor[] Build(ReadOnlySpan<Tensor> values)
    {
        var known = new Dictionary<Tensor, Tensor>();
        for (var i = 0; i < sources.Length; i++) known[sources[i]] = values[i];
        foreach (var node in Paths.Between(sources, Outputs, out _))
        {
            known[node] = Tensor.Apply(node.Op!, Array.ConvertAll(node.Inputs, input => known.GetValueOrDefault(input, input)));
        }
        return Array.ConvertAll(Outputs, output => known.GetValueOrDefault(output, output));
    }
}
