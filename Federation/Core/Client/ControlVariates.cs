using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>A client's part in <see cref="Scaffold"/>: its control variate cₖ, kept from round to round of one run.</summary>
internal sealed class ControlVariates
{
    private long run;
    private ParameterTree own = new([]);

    /// <summary>Takes a round's c and gives c − cₖ, what is added to each gradient.</summary>
    /// <param name="run">The run's number; with another one than before cₖ starts from zeros.</param>
    /// <param name="server">c.</param>
    public ParameterTree Begin(long run, ParameterTree server)
    {
        if (run != this.run || own.Count != server.Count) own = server.Map(c => c.ZerosLike());
        this.run = run;
        return server.Zip(own, (c, mine) => c - mine);
    }

    /// <summary>Renews cₖ after training and gives what it changed by, (x − y)/(K·η) − c; zeros for what is not trained.</summary>
    /// <param name="server">c.</param>
    /// <param name="trained">The names of what is trained.</param>
    /// <param name="before">x.</param>
    /// <param name="after">y.</param>
    /// <param name="length">K·η, or what stands for it with momentum.</param>
    public NdArray[] Renew(ParameterTree server, IReadOnlySet<string> trained, ParameterTree before, ParameterTree after, double length)
    {
        var change = server.Map((name, c) => trained.Contains(name) ? (before[name] - after[name]) / length - c : c.ZerosLike());
        own = own.Zip(change, (mine, by) => mine + by);
        Tensor.Eval([.. own.Values, .. change.Values]);
        return change.ToArrays();
    }
}
