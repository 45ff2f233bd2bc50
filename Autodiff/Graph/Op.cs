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

    /// <summary>Input <paramref name="i"/> as <see cref="Forward"/> wants it: stretched, say, to the output's shape.</summary>
    public virtual NdArray Operand(int i, NdArray x, Shape output) => x;

    /// <summary>Writes the output; called when <see cref="View"/> gives none.</summary>
    /// <param name="x">The inputs, each through <see cref="Operand"/>.</param>
    /// <param name="y">Contiguous memory of the output's shape and type, of unspecified content.</param>
    public abstract void Forward(ReadOnlySpan<NdArray> x, NdArray y);

    /// <summary>The gradient for input <paramref name="i"/>, given that of the output; null where it is zero.</summary>
    /// <param name="i">Which input.</param>
    /// <param name="g">The output's gradient (cotangent), of the output's shape.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="y">The output.</param>
    public abstract Tensor? Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y);

    protected static NdArray Stretch(NdArray x, Shape shape) => x.Shape == shape ? x : x.View(x.Layout.BroadcastTo(shape));
}
