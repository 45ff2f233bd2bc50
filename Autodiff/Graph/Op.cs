using System.Text;
using ManagedFed.Kernels;

namespace ManagedFed.Graph;

/// <summary>
/// One primitive: its parameters are the record's own, its meaning is inference, computation and derivative together.
/// </summary>
/// <remarks>
/// Rules are written with ordinary <see cref="Tensor"/> operators, so they can be differentiated again. A rule may
/// return a gradient of the output's broadcast shape or of another float type: the walk sums and casts it back.
/// </remarks>
internal abstract record Op
{
    /// <summary>The name that messages and printed graphs show.</summary>
    public abstract string Name { get; }

    /// <summary>The output's shape and type; throws the user's error when the inputs do not fit.</summary>
    public abstract (Shape Shape, DType DType) Infer(ReadOnlySpan<Tensor> x);

    /// <summary>True when <see cref="View"/> may give a layout.</summary>
    public virtual bool MayView => false;

    /// <summary>The output as another layout of the first input's memory, or null when it must be computed.</summary>
    public virtual Layout? View(Layout x) => null;

    /// <summary>True when the output may be written where an input of its shape and type lies.</summary>
    public virtual bool RunsInPlace => false;

    /// <summary>The loop over elements of an operation that computes each element of its output from those at its place; else null.</summary>
    public virtual ElementLoop? Loop(ReadOnlySpan<Tensor> x) => null;

    /// <summary>True when running the operation may be refused for the values of its inputs, such as an index out of range.</summary>
    public virtual bool ChecksValues => false;

    /// <summary>Input <paramref name="i"/> as <see cref="Forward"/> wants it: stretched, say, to the output's shape.</summary>
    public virtual NdArray Operand(int i, NdArray x, Shape output) => x;

    /// <summary>True when <see cref="Forward"/> takes types whose arithmetic is done in a wider one.</summary>
    public virtual bool TakesNarrow => false;

    /// <summary>Writes the output; called when <see cref="View"/> gives none.</summary>
    /// <remarks>Unless <see cref="Forward"/> takes narrow types, it works on inputs widened, and its result is rounded once.</remarks>
    /// <param name="x">The inputs, each through <see cref="Operand"/>.</param>
    /// <param name="y">Contiguous memory of the output's shape and type, of unspecified content.</param>
    public void Run(ReadOnlySpan<NdArray> x, NdArray y)
    {
        if (TakesNarrow || !(y.DType.IsNarrow() || HasNarrow(x)))
        {
            Forward(x, y);
            return;
        }
        var wide = new NdArray[x.Length];
        for (var i = 0; i < wide.Length; i++) wide[i] = x[i].DType.IsNarrow() ? Narrow.Widened(x[i]) : x[i];
        var result = y.DType.IsNarrow() ? NdArray.Rent(y.Shape, y.DType.Wide()) : y;
        try
        {
            Forward(wide, result);
            if (result != y) ConvertKernel.Run(result, y);
        }
        finally
        {
            if (result != y) result.Storage.Release();
            for (var i = 0; i < wide.Length; i++)
            {
                if (wide[i] != x[i]) wide[i].Storage.Release();
            }
        }
    }

    private static bool HasNarrow(ReadOnlySpan<NdArray> x)
    {
        foreach (var array in x)
        {
            if (array.DType.IsNarrow()) return true;
        }
        return false;
    }

    /// <summary>What <see cref="Run"/> does for inputs of types that have loops of their own, or of any type where <see cref="TakesNarrow"/> says so.</summary>
    protected abstract void Forward(ReadOnlySpan<NdArray> x, NdArray y);

    /// <summary>False where the rules for derivatives round no more than once, so that <see cref="Rules"/> need not widen what they are given.</summary>
    public virtual bool WidensRules => true;

    /// <summary>The gradient for input <paramref name="i"/>, given that of the output; null where it is zero.</summary>
    /// <param name="i">Which input.</param>
    /// <param name="g">The output's gradient (cotangent), of the output's shape.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="y">The output.</param>
    public abstract Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y);

    /// <summary>The gradients for all inputs at once, of an operation that computes them together; null to ask <see cref="Vjp"/> for each.</summary>
    public virtual Tensor?[]? Gradients(Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => null;

    /// <summary>The output's tangent, its derivative along a direction, given those of the inputs; null where it is zero.</summary>
    /// <remarks>By default what <see cref="Vjp"/> does to a cotangent, transposed: rules of their own are needed only by operations whose gradient is not their derivative.</remarks>
    /// <param name="t">The inputs' tangents, null for zero.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="y">The output.</param>
    public virtual Tensor? Jvp(ReadOnlySpan<Tensor?> t, ReadOnlySpan<Tensor> x, Tensor y) => Tangents.Transposed(this, t, x, y);

    /// <summary>False when <see cref="Batch"/> makes no use of input <paramref name="i"/>, so that it need not be a batch.</summary>
    public virtual bool BatchReads(int i) => true;

    /// <summary>The operation on a batch: the marked inputs have a leading batch axis, and so must the result.</summary>
    /// <remarks>By default elementwise operations align their inputs, and others refuse.</remarks>
    /// <param name="x">The inputs, at least one of them marked.</param>
    /// <param name="batched">Which have the axis.</param>
    /// <param name="size">The axis' size.</param>
    public virtual Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (Loop(x) is null) Throw.Invalid("vmap", $"{Name} has no rule for a batch; call it outside of the mapped function, or in a loop");
        return Tensor.Apply(this, Batching.Align(x, batched));
    }

    /// <summary>The parameters by name, for printed graphs.</summary>
    public string Parameters
    {
        get
        {
            var text = new StringBuilder();
            PrintMembers(text);
            return text.ToString();
        }
    }

    /// <summary>Appends the parameters: by the language's rule each record those that it declares.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;

    protected static NdArray Stretch(NdArray x, Shape shape) => x.Shape == shape ? x : x.View(x.Layout.BroadcastTo(shape));
}
