using System.Numerics;
using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>What the engine has to say to a developer. The library itself writes nowhere.</summary>
/// <example><code>TensorDiagnostics.Warning = Console.Error.WriteLine;</code></example>
public static class TensorDiagnostics
{
    /// <summary>Recorded operations, not computed, from which a graph is taken for one that grows without end.</summary>
    internal const int ManyOperations = 100_000;

    /// <summary>The shortest chain of operations whose graph is counted.</summary>
    private const int LongChain = 4096;

    private static Action<string>? warning;
    private static int warned;

    /// <summary>
    /// Called with a warning, on the thread that gave cause for it, when more than 100,000 operations are recorded on top of
    /// each other and none of them computed, as in a loop that never evaluates; once for each time this is set. Default: null, no warnings.
    /// </summary>
    public static Action<string>? Warning
    {
        get => warning;
        set
        {
            warning = value;
            Volatile.Write(ref warned, 0);
        }
    }

    /// <summary>Counts the graph behind a new node each time its depth has doubled: in all no more than a few times its size.</summary>
    internal static void Recorded(Tensor node)
    {
        if (node.Depth < LongChain || !BitOperations.IsPow2(node.Depth) || warning is not { } warn || Volatile.Read(ref warned) != 0) return;
        var count = Uncomputed(node);
        if (count < ManyOperations || Interlocked.Exchange(ref warned, 1) != 0) return;
        warn($"[graph] {count} operations are recorded and not computed; a loop that never evaluates grows without end: call Tensor.Eval or read a value once in each step");
    }

    /// <summary>The operations that evaluating a node would run; 0 for a function that a transform records, where nothing can be evaluated.</summary>
    private static int Uncomputed(Tensor root)
    {
        var seen = new HashSet<Tensor> { root };
        var stack = new Stack<Tensor>(seen);
        while (stack.TryPop(out var node))
        {
            if (node.Op is Placeholder) return 0;
            foreach (var input in node.Inputs)
            {
                if (input.Data is null && input.Op is not null && seen.Add(input)) stack.Push(input);
            }
        }
        return seen.Count;
    }
}
