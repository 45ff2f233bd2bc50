using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>
/// A lazily computed n-dimensional array: operations record a graph, and a value is computed when it is read or
/// asked for by <see cref="Eval(ReadOnlySpan{Tensor})"/>.
/// </summary>
/// <remarks>
/// Tensors never change. Shapes and types are checked when an operation is called. Nothing needs disposing. Graphs may
/// be built and evaluated from several threads at once. Binary operations broadcast by NumPy's rule and promote types by
/// <see cref="DTypes.Promote"/>; a C# number is weak: it takes the tensor's type, except that a fraction makes an
/// integer tensor float32.
/// </remarks>
public sealed partial class Tensor
{
    private Tensor(Op? op, Tensor[] inputs, Shape shape, DType dtype, Trace? trace)
    {
        Op = op;
        Inputs = inputs;
        Shape = shape;
        DType = dtype;
        Trace = trace;
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

    internal Trace? Trace { get; }

    internal bool IsTraced => Trace is { IsOpen: true };

    // The evaluator's fields, guarded by its lock (Pending is also raised outside of it).

    /// <summary>The value, when computed and still needed.</summary>
    internal NdArray? Data { get; set; }

    /// <summary>Edges to consumers that have been recorded and have not run.</summary>
    internal int Pending;

    /// <summary>The evaluation that is about to compute this node.</summary>
    internal Evaluator? Claim { get; set; }

    /// <summary>True when the user asked for the value, so that it must stay.</summary>
    internal bool IsKept { get; set; }

    /// <summary>True for the value of a cell that changes over time, which a compiled function must not freeze.</summary>
    internal bool IsState { get; set; }

    /// <summary>True when this node ran and its input edges are no longer counted.</summary>
    internal bool HasRun { get; set; }

    /// <summary>True when the value may be given up at no loss: it can be computed again.</summary>
    internal bool IsReleasable => Data is not null && !IsKept && Op is not null;

    /// <summary>True when <paramref name="consumer"/> is the last reader and may write its output here.</summary>
    internal bool CanBeGivenTo(Tensor consumer) =>
        Pending == 1 && IsReleasable && DType == consumer.DType && Data!.IsContiguous && Data.Storage.IsExclusive && Shape == consumer.Shape;

    internal void BecomeLeaf()
    {
        Op = null;
        Inputs = [];
    }

    /// <summary>Records one operation.</summary>
    internal static Tensor Apply(Op op, params ReadOnlySpan<Tensor> inputs)
    {
        var (shape, dtype) = op.Infer(inputs);
        Trace? trace = null;
        foreach (var input in inputs)
        {
            Interlocked.Increment(ref input.Pending);
            if (input.IsTraced) trace = Trace.Merge(trace, input.Trace);
        }
        return new(op, inputs.ToArray(), shape, dtype, trace);
    }

    /// <summary>A second name for this value that a transform can differentiate with respect to.</summary>
    internal Tensor Alias(Trace trace)
    {
        Interlocked.Increment(ref Pending);
        return new(Ops.Alias.Instance, [this], Shape, DType, IsTraced ? Trace.Merge(trace, Trace) : trace);
    }

    /// <summary>A tensor with the values of an array, sharing its memory.</summary>
    /// <remarks>Do not write to the array afterwards.</remarks>
    public static Tensor FromArray(NdArray array)
    {
        ArgumentNullException.ThrowIfNull(array);
        array.Storage.Escape();
        return new(null, [], array.Shape, array.DType, null) { Data = array };
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

    /// <summary>Computes this tensor.</summary>
    public Tensor Eval()
    {
        Evaluator.Run([this]);
        return this;
    }

    /// <summary>The computed value, as an array that shares this tensor's memory.</summary>
    /// <remarks>Do not write to it.</remarks>
    public NdArray ToNdArray()
    {
        while (true)
        {
            if (Data is { } data && IsKept) return data;
            Evaluator.Run([this]);
        }
    }

    /// <summary>The computed values in row-major order.</summary>
    /// <exception cref="InvalidOperationException">T is not the tensor's element type.</exception>
    public T[] ToArray<T>() where T : unmanaged => ToNdArray().ToArray<T>();

    /// <summary>The computed value of a tensor with one element.</summary>
    /// <exception cref="InvalidOperationException">The tensor has more or fewer elements, or T is not its element type.</exception>
    public T Item<T>() where T : unmanaged
    {
        if (Count != 1) Throw.Invalid("item", $"tensor of shape {Shape} has {Count} elements, expected 1; use ToArray");
        return ToArray<T>()[0];
    }
}
