namespace ManagedFed.Graph;

/// <summary>
/// One running call of a transform. While it is open, nodes that depend on its arguments keep their inputs when
/// they are evaluated, so that a value read inside the function does not cut the path of its derivative.
/// </summary>
internal sealed class Trace
{
    private static long count;

    private readonly Lock gate = new();
    private List<Tensor>? evaluated = [];
    private Trace? outer;

    /// <summary>Larger for calls that began later, and so for a call within another.</summary>
    public long Id { get; } = Interlocked.Increment(ref count);

    /// <summary>True while this call or one around it runs.</summary>
    public bool IsOpen
    {
        get
        {
            for (var trace = this; trace is not null; trace = trace.outer)
            {
                if (Volatile.Read(ref trace.evaluated) is not null) return true;
            }
            return false;
        }
    }

    /// <summary>The innermost of two traces, which then lies within the other.</summary>
    /// <remarks>
    /// A node that depends on two calls proves that the later one runs inside the earlier one, since calls nest.
    /// </remarks>
    public static Trace? Merge(Trace? a, Trace? b)
    {
        if (a == b || b is null) return a;
        if (a is null) return b;
        var (inner, other) = a.Id > b.Id ? (a, b) : (b, a);
        lock (inner.gate)
        {
            if (inner.outer is null) inner.outer = other;
            else if (inner.outer != other) inner.outer = Merge(inner.outer, other);
        }
        return inner;
    }

    /// <summary>Remembers a node that kept its inputs for this call's sake.</summary>
    public void Evaluated(Tensor node)
    {
        for (var trace = this; trace is not null; trace = trace.outer)
        {
            lock (trace.gate)
            {
                if (trace.evaluated is null) continue;
                trace.evaluated.Add(node);
                return;
            }
        }
    }

    /// <summary>Ends the call: nodes evaluated during it let go of their inputs.</summary>
    public void Close()
    {
        List<Tensor>? nodes;
        lock (gate)
        {
            nodes = evaluated;
            Volatile.Write(ref evaluated, null);
        }
        if (nodes is { Count: > 0 }) Evaluator.Detach(nodes);
    }
}
