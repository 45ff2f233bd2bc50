namespace ManagedFed.Graph;

/// <summary>
/// Computes nodes in topological order and gives every intermediate's memory back after its last recorded use.
/// </summary>
/// <remarks>
/// A graph may be built and evaluated from several threads at once. One lock guards the bookkeeping of all nodes;
/// kernels run outside it. An evaluation claims all nodes it will compute at once or, when another evaluation holds
/// one of them, none, and then waits for that one to end: so evaluations never wait for each other in a circle.
/// </remarks>
internal sealed class Evaluator
{
    private static readonly Lock Gate = new();

    [ThreadStatic]
    private static Evaluator? cached;

    private readonly List<Tensor> order = [];
    private readonly Stack<(Tensor Node, int Next)> stack = new();
    private NdArray[] arguments = new NdArray[4];
    private ManualResetEventSlim? done;

    /// <summary>Computes the nodes and keeps their values; their inputs are let go.</summary>
    public static void Run(ReadOnlySpan<Tensor> targets, CancellationToken cancellation = default) => Run(targets, keep: true, cancellation);

    /// <summary>
    /// The values for one reader, computed if need be; the caller gives them back by <see cref="GiveBack"/>, and what nobody
    /// else asked for is then given up.
    /// </summary>
    public static void Borrow(ReadOnlySpan<Tensor> tensors, Span<NdArray> values)
    {
        // Counted like an edge to a consumer that has not run.
        foreach (var tensor in tensors) Interlocked.Increment(ref tensor.Pending);
        try
        {
            Run(tensors, keep: false, CancellationToken.None);
        }
        catch
        {
            GiveBack(tensors);
            throw;
        }
        for (var i = 0; i < values.Length; i++) values[i] = tensors[i].Data!;
    }

    /// <summary>Ends the use of borrowed values.</summary>
    public static void GiveBack(ReadOnlySpan<Tensor> tensors)
    {
        lock (Gate)
        {
            foreach (var tensor in tensors)
            {
                Consumed(tensor);
                Settle(tensor);
            }
        }
    }

    /// <summary>Keeps a value as <see cref="Run(ReadOnlySpan{Tensor}, CancellationToken)"/> does and adds a claim to its memory, which the caller gives up.</summary>
    public static NdArray Hold(Tensor tensor)
    {
        while (true)
        {
            lock (Gate)
            {
                tensor.ThrowIfDisposed("read");
                if (tensor.Data is { } data && tensor.IsKept)
                {
                    data.Storage.Claim();
                    return data;
                }
            }
            Run([tensor]);
        }
    }

    /// <summary>Gives a value up that the user no longer needs, at once or after the last recorded consumer has run.</summary>
    public static void Dispose(Tensor tensor)
    {
        lock (Gate)
        {
            tensor.IsDisposed = true;
            tensor.IsKept = false;

            // One that is being computed is given up at the end of that.
            if (Volatile.Read(ref tensor.Pending) <= 0 && tensor.IsReleasable) Release(tensor);
        }
    }

    private static void Run(ReadOnlySpan<Tensor> targets, bool keep, CancellationToken cancellation)
    {
        var evaluator = cached ?? new();
        cached = null;
        while (evaluator.Claim(targets, keep) is { } other) other.Wait(cancellation);
        evaluator.Execute(keep ? default : targets, cancellation);
        if (evaluator.order.Capacity <= 1 << 16) cached = evaluator;
    }

    /// <summary>Lets evaluated nodes drop their inputs, after the trace that needed them has ended.</summary>
    public static void Detach(List<Tensor> nodes)
    {
        lock (Gate)
        {
            foreach (var node in nodes)
            {
                if (node.Data is not null && !node.IsTraced) node.BecomeLeaf();
            }
        }
    }

    /// <summary>Orders and claims what must be computed; returns the end of another evaluation to wait for, or null.</summary>
    private ManualResetEventSlim? Claim(ReadOnlySpan<Tensor> targets, bool keep)
    {
        lock (Gate)
        {
            foreach (var target in targets) target.ThrowIfDisposed("eval");
            order.Clear();
            foreach (var target in targets)
            {
                if (Visit(target) is not { } holder) continue;
                Unclaim();
                return holder.done ??= new();
            }
            foreach (var target in keep ? targets : [])
            {
                if (target.Data is { } data)
                {
                    data.Storage.Escape();
                    if (!target.IsTraced) target.BecomeLeaf();
                }
                target.IsKept = true;
            }
            foreach (var node in order)
            {
                if (!node.HasRun) continue;

                // Computed before and given up, needed again: count its edges anew, and keep it this time,
                // so that no node is ever computed more than twice.
                node.IsKept = !node.IsDisposed;
                node.HasRun = false;
                foreach (var input in node.Inputs) Interlocked.Increment(ref input.Pending);
            }
            return null;
        }
    }

    /// <summary>Appends the uncomputed part of a graph in post-order; returns a foreign holder of one of its nodes.</summary>
    private Evaluator? Visit(Tensor target)
    {
        if (target.Data is not null || target.Claim == this) return null;
        if (target.Claim is { } holder) return holder;
        Push(target);
        while (stack.TryPop(out var frame))
        {
            var (node, next) = frame;
            var inputs = node.Inputs;
            var descended = false;
            while (next < inputs.Length)
            {
                var input = inputs[next++];
                if (input.Data is not null || input.Claim == this) continue;
                stack.Push((node, next));
                if (input.Claim is not null) return input.Claim;
                Push(input);
                descended = true;
                break;
            }
            if (!descended) order.Add(node);
        }
        return null;
    }

    private void Push(Tensor node)
    {
        if (node.Op is null)
        {
            Unclaim();
            Throw.Disposed("eval", node.Shape, "was disposed of, and what is asked for was computed from it; evaluate that first");
        }
        node.Claim = this;
        stack.Push((node, 0));
    }

    private void Unclaim()
    {
        foreach (var node in order) node.Claim = null;
        foreach (var (node, _) in stack) node.Claim = null;
        order.Clear();
        stack.Clear();
    }

    private void Execute(ReadOnlySpan<Tensor> borrowed, CancellationToken cancellation)
    {
        var next = 0;
        NdArray? taken = null;
        try
        {
            for (; next < order.Count; next++)
            {
                cancellation.ThrowIfCancellationRequested();
                var node = order[next];
                var inputs = node.Inputs;
                if (arguments.Length < inputs.Length) Array.Resize(ref arguments, inputs.Length);
                int donated;
                lock (Gate) donated = TakeArguments(node, inputs);
                taken = donated < 0 ? null : arguments[donated];
                var result = Compute(node, arguments.AsSpan(0, inputs.Length), taken);

                // An output in the input's own memory has inherited its claim.
                if (taken is not null && taken.Storage != result.Storage) taken.Storage.Release();
                taken = null;
                lock (Gate) Finish(node, inputs, result);
            }
        }
        finally
        {
            taken?.Storage.Release();
            lock (Gate)
            {
                for (var i = next; i < order.Count; i++) order[i].Claim = null;
                for (var i = 0; i < next; i++)
                {
                    if (!Contains(borrowed, order[i])) Settle(order[i]);
                }
                done?.Set();
                done = null;
            }
            order.Clear();
            Array.Clear(arguments);
        }
    }

    private static NdArray Compute(Tensor node, Span<NdArray> x, NdArray? taken)
    {
        var op = node.Op!;
        if (x.Length > 0 && op.View(x[0].Layout) is { } layout)
        {
            if (x[0] != taken) x[0].Storage.Claim();
            return x[0].View(layout);
        }
        var y = taken is not null && op.RunsInPlace ? taken : NdArray.Rent(node.Shape, node.DType);
        for (var i = 0; i < x.Length; i++) x[i] = op.Operand(i, x[i], node.Shape);
        try
        {
            op.Run(x, y);
            return y;
        }
        catch
        {
            if (y != taken) y.Storage.Release();
            throw;
        }
    }

    /// <summary>Reads the inputs' arrays, and takes one over when nobody else will read it.</summary>
    private int TakeArguments(Tensor node, Tensor[] inputs)
    {
        var donated = -1;
        for (var i = 0; i < inputs.Length; i++)
        {
            arguments[i] = inputs[i].Data!;
            if (donated < 0 && inputs[i].CanBeGivenTo(node)) donated = i;
        }
        // From here on the array belongs to this call: whoever asks for that input has it computed again.
        if (donated >= 0) inputs[donated].Data = null;
        return donated;
    }

    private static void Finish(Tensor node, Tensor[] inputs, NdArray result)
    {
        node.Data = result;
        node.HasRun = true;
        node.Claim = null;
        foreach (var input in inputs) Consumed(input);
    }

    /// <summary>Uncounts one edge, and with the last one gives up the value, if it may be.</summary>
    private static void Consumed(Tensor input)
    {
        if (Interlocked.Decrement(ref input.Pending) <= 0 && input.IsReleasable) Release(input);
    }

    private static void Release(Tensor node)
    {
        node.Data!.Storage.Release();
        node.Data = null;
    }

    /// <summary>After an evaluation: what stays is left to the collector from now on, and lets its inputs go.</summary>
    private static void Settle(Tensor node)
    {
        if (node.Data is null) return;
        node.Data.Storage.Escape();
        if (node.TracedBy is { IsOpen: true } trace) trace.Evaluated(node);
        else node.BecomeLeaf();
        if (node.IsDisposed && Volatile.Read(ref node.Pending) <= 0) Release(node);
    }

    // The operator == of tensors compares their elements.
    private static bool Contains(ReadOnlySpan<Tensor> tensors, Tensor tensor)
    {
        foreach (var candidate in tensors)
        {
            if (ReferenceEquals(candidate, tensor)) return true;
        }
        return false;
    }
}
