using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>
/// A lazily computed n-dimensional array: operations record a graph, and a value is computed when it is read or
/// asked for by <see cref="Eval(ReadOnlySpan{Tensor})"/>.
/// </summary>
/// <remarks>
/// Tensors never change. Shapes and types are checked when an operation is called. Nothing needs disposing; a loop over
/// large tensors is faster with <see cref="Dispose"/>. Any method may be called from any number of threads at once, also on
/// tensors and graphs that they share. Binary operations broadcast by NumPy's rule and promote types by
/// <see cref="DTypes.Promote"/>; a C# number is weak: it takes the tensor's type, except that a fraction makes an
/// integer tensor float32.
/// </remarks>
[System.Diagnostics.DebuggerDisplay("{DebugText,nq}")]
public sealed partial class Tensor : IDisposable
{
    private Tensor(Op? op, Tensor[] inputs, Shape shape, DType dtype, Trace? trace)
    {
        Op = op;
        Inputs = inputs;
        Shape = shape;
        DType = dtype;
        TracedBy = trace;
    }

    /// <summary>The sizes of the axes.</summary>
    public Shape Shape { get; }

    /// <summary>The element type.</summary>
    public DType DType { get; }

    /// <summary>The number of axes.</summary>
    public int Rank => Shape.Rank;

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>How to compute the value; null once it is known and the inputs are no longer needed.</summary>
    internal Op? Op { get; private set; }

    internal Tensor[] Inputs { get; private set; }

    internal Trace? TracedBy { get; }

    /// <summary>Operations in the longest chain to a value that was known when this was recorded.</summary>
    internal int Depth { get; private init; }

    internal bool IsTraced => TracedBy is { IsOpen: true };

    // The evaluator's fields, guarded by its lock (Pending is also raised outside of it).

    /// <summary>The value, when computed and still needed.</summary>
    internal NdArray? Data { get; set; }

    /// <summary>Edges to consumers that have been recorded and have not run.</summary>
    internal int Pending;

    /// <summary>The evaluation that is about to compute this node.</summary>
    internal Evaluator? Claim { get; set; }

    /// <summary>True when the user asked for the value, so that it must stay.</summary>
    internal bool IsKept { get; set; }

    /// <summary>True when the user gave the tensor up; also read without the lock.</summary>
    internal bool IsDisposed
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>True for the value of a cell that changes over time, which a compiled function must not freeze.</summary>
    internal bool IsState { get; set; }

    /// <summary>True when this node ran and its input edges are no longer counted.</summary>
    internal bool HasRun { get; set; }

    /// <summary>True when the value may be given up: it can be computed again, or is never asked for.</summary>
    internal bool IsReleasable => Data is not null && !IsKept && (Op is not null || IsDisposed);

    /// <summary>True when <paramref name="consumer"/> is the last reader and may write its output here.</summary>
    internal bool CanBeGivenTo(Tensor consumer) =>
        Pending == 1 && IsReleasable && Op is not null && DType == consumer.DType && Data!.IsContiguous && Data.Storage.IsExclusive && Shape == consumer.Shape;

    internal void BecomeLeaf()
    {
        Op = null;
        Inputs = [];
    }

    internal void ThrowIfDisposed(string op)
    {
        if (IsDisposed) Throw.Disposed(op, Shape, "was disposed of; dispose of it after its last use");
    }

    /// <summary>Records one operation.</summary>
    internal static Tensor Apply(Op op, params ReadOnlySpan<Tensor> inputs)
    {
        var (shape, dtype) = op.Infer(inputs);
        Trace? trace = null;
        var depth = 0;
        foreach (var input in inputs)
        {
            // Counted first: whoever disposes of it at this moment sees the edge, or this sees that.
            Interlocked.Increment(ref input.Pending);
            input.ThrowIfDisposed(op.Name);
            if (input.IsTraced) trace = Graph.Trace.Merge(trace, input.TracedBy);
            if (input.Data is null) depth = Math.Max(depth, input.Depth);
        }
        var node = new Tensor(op, inputs.ToArray(), shape, dtype, trace) { Depth = depth + 1 };
        TensorDiagnostics.Recorded(node);
        return node;
    }

    /// <summary>An argument of a function that a transform records.</summary>
    internal static Tensor Argument(Shape shape, DType dtype, Trace trace, string transform) =>
        new(new Placeholder(shape, dtype, transform), [], shape, dtype, trace);

    /// <summary>A second name for this value that a transform can differentiate with respect to.</summary>
    internal Tensor Alias(Trace trace)
    {
        Interlocked.Increment(ref Pending);
        ThrowIfDisposed("transform");
        return new(Ops.Alias.Instance, [this], Shape, DType, IsTraced ? Graph.Trace.Merge(trace, TracedBy) : trace);
    }

    /// <summary>A tensor with the values of an array, sharing its memory.</summary>
    /// <remarks>Do not write to the array afterwards.</remarks>
    public static Tensor FromArray(NdArray array)
    {
        ArgumentNullException.ThrowIfNull(array);
        array.Storage.Claim();
        return Own(array);
    }

    /// <summary>The same for an array whose claim passes to the tensor, since nobody else sees it.</summary>
    internal static Tensor Own(NdArray array)
    {
        array.Storage.Escape();
        return new(null, [], array.Shape, array.DType, null) { Data = array, IsKept = true };
    }

    /// <summary>A tensor with the values of an array, sharing its memory.</summary>
    public static implicit operator Tensor(NdArray array) => FromArray(array);

    /// <summary>Computes the tensors, all in one pass, and lets go of what they were computed from.</summary>
    public static void Eval(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var tensor in tensors) ArgumentNullException.ThrowIfNull(tensor, nameof(tensors));
        Evaluator.Run(tensors);
    }

    /// <summary>Computes the tensors, all in one pass, and lets go of what they were computed from.</summary>
    public static void Eval(IEnumerable<Tensor> tensors) => Eval([.. tensors]);

    /// <summary>Computes the tensors on a thread of the pool, all in one pass, and lets go of what they were computed from.</summary>
    /// <remarks>Other threads may record and read meanwhile, these tensors too: who reads one that is being computed waits for it.</remarks>
    /// <param name="tensors">What to compute.</param>
    /// <param name="cancellation">Ends the computation after the present operation; what is computed stays, and the rest can be asked for again.</param>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public static Task EvalAsync(IEnumerable<Tensor> tensors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Tensor[] targets = [.. tensors];
        foreach (var tensor in targets) ArgumentNullException.ThrowIfNull(tensor, nameof(tensors));
        return Task.Run(() => Evaluator.Run(targets, cancellation), cancellation);
    }

    /// <summary>Computes this tensor on a thread of the pool and returns it.</summary>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public async Task<Tensor> EvalAsync(CancellationToken cancellation = default)
    {
        await EvalAsync([this], cancellation).ConfigureAwait(false);
        return this;
    }

    /// <summary>Computes this tensor.</summary>
    public Tensor Eval()
    {
        Evaluator.Run([this]);
        return this;
    }

    /// <summary>The computed value, as an array that shares this tensor's memory and stays valid when the tensor is disposed of.</summary>
    /// <remarks>Do not write to it.</remarks>
    /// <exception cref="ObjectDisposedException">The tensor was disposed of.</exception>
    public NdArray ToNdArray()
    {
        var data = Evaluator.Hold(this);
        data.Storage.Share();
        data.Storage.Release();
        return data;
    }

    /// <summary>The computed values in row-major order.</summary>
    /// <exception cref="InvalidOperationException">T is not the tensor's element type.</exception>
    /// <exception cref="ObjectDisposedException">The tensor was disposed of.</exception>
    public T[] ToArray<T>() where T : unmanaged
    {
        if (Count > Array.MaxLength) ToNdArray().ExpectFewer("to_array");
        var values = new T[Count];
        CopyTo<T>(values);
        return values;
    }

    /// <summary>The computed value of a tensor with one element.</summary>
    /// <exception cref="InvalidOperationException">The tensor has more or fewer elements, or T is not its element type.</exception>
    /// <exception cref="ObjectDisposedException">The tensor was disposed of.</exception>
    public T Item<T>() where T : unmanaged
    {
        if (Count != 1) Throw.Invalid("item", $"tensor of shape {Shape} has {Count} elements, expected 1; use ToArray");
        var value = default(T);
        CopyTo<T>(new(ref value));
        return value;
    }

    private void CopyTo<T>(Span<T> values) where T : unmanaged
    {
        var data = Evaluator.Hold(this);
        try
        {
            data.CopyTo(values);
        }
        finally
        {
            data.Storage.Release();
        }
    }

    /// <summary>Gives the value's memory back at once instead of leaving it to the garbage collector. Optional.</summary>
    /// <remarks>
    /// Says that this tensor is not used again: reading it, or recording another operation of it, is refused. Memory that
    /// views, operations recorded and not yet evaluated, or arrays from <see cref="ToNdArray"/> need stays as long as they
    /// need it. A step on the way to a value that was evaluated may need it too, when that step is asked for afterwards: this
    /// is refused. An operation that has nothing to do, such as a cast to the tensor's own type, returns the tensor itself.
    /// Disposing again does nothing; nor does it inside a function that is being differentiated or compiled, on what depends
    /// on its arguments, since derivatives may need it. Any thread may dispose while others use tensors of the same memory.
    /// </remarks>
    public void Dispose()
    {
        if (!IsTraced) Evaluator.Dispose(this);
    }
}
