namespace ManagedFed.Graph;

/// <summary>A call of a function, to be computed anew with other arguments.</summary>
internal sealed class Recording
{
    // What stands for the sources in the recorded graph.
    private readonly Tensor[] sources;

    /// <param name="f">The function; called once.</param>
    /// <param name="arguments">Its arguments.</param>
    public Recording(Func<Tensor[], Tensor[]> f, Tensor[] arguments)
    {
        using var scope = StateScope.Open();
        var trace = new Trace();
        try
        {
            var aliases = Array.ConvertAll(arguments, argument => argument.Alias(trace));
            Outputs = Called.Results("checkpoint", f, aliases);
            Tensor[] captured = [.. Paths.Between(aliases, Outputs, out var depends)
                .SelectMany(node => node.Inputs).Concat(Outputs)
                .Where(input => !depends.GetValueOrDefault(input) && input.IsTraced).Distinct()];
            sources = [.. aliases, .. captured];
            Sources = [.. arguments, .. captured];
            scope.Commit("checkpoint");
        }
        finally
        {
            trace.Close();
        }
    }

    /// <summary>The results.</summary>
    public Tensor[] Outputs { get; }

    /// <summary>The arguments, and tensors that the function took from outside and that a transform around it may differentiate by.</summary>
    public Tensor[] Sources { get; }

    /// <summary>The results for other tensors in the places of <see cref="Sources"/>.</summary>
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
