using System.Runtime.CompilerServices;
using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

// Reading parts. Indices out of range throw: numbers and ranges when called, index tensors when computed.
public sealed partial class Tensor
{
    /// <summary>A part by NumPy's rules: <c>x[1, .., ^1]</c>, <c>x[2..5]</c>, <c>x[rows]</c>, <c>x[mask]</c>; see <see cref="TensorIndex"/>.</summary>
    /// <remarks>
    /// Numbers and ranges give a view. A mask is evaluated at once, since the result's shape depends on it, and refused where a
    /// function is being compiled or mapped.
    /// </remarks>
    /// <exception cref="ArgumentException">A number or range lies outside its axis, or there are more indices than axes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an integer of an index tensor lies outside its axis.</exception>
    /// <exception cref="InvalidOperationException">A mask depends on an argument of a function that is being compiled or mapped.</exception>
    [IndexerName("Entries")]
    public Tensor this[params ReadOnlySpan<TensorIndex> indices] =>
        (indices is [var one] ? First(one) : null) ?? new Selection(Shape, indices).Read(this);

    /// <summary>Elements to update: <c>x.At[1, ..].Add(v)</c>, <c>x.At[mask].Set(0)</c> give new tensors.</summary>
    public TensorAt At => new(this);

    /// <summary>Elements start, start+step, … (count of them) along one axis; a view.</summary>
    /// <exception cref="ArgumentException">An element lies outside the axis, or the step is 0.</exception>
    public Tensor Slice(int axis, int start, int count, int step = 1)
    {
        axis = Shape.Axis(axis, "slice");
        var last = start + (count - 1L) * step;
        if (step == 0 || count < 0 || (count > 0 && (start < 0 || start >= Shape[axis] || last < 0 || last >= Shape[axis])))
        {
            Throw.Argument("slice", $"start {start}, count {count}, step {step} lie outside axis {axis} of shape {Shape}");
        }
        return start == 0 && step == 1 && count == Shape[axis] ? this : Apply(new SliceOp(axis, start, count, step), this);
    }

    /// <summary>Entries along an axis chosen by integers: (…, n, …) and indices (i…) give (…, i…, …); negative counts from the end.</summary>
    /// <exception cref="ArgumentException">The indices are not integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an index lies outside the axis.</exception>
    public Tensor Take(Tensor indices, int axis = 0)
    {
        if (Rank > 0) return Apply(new Take(Shape.Axis(axis, "take")), this, Indices("take", indices));
        AxisOfScalar("take", axis);
        return Reshape([1]).Take(indices);
    }

    /// <summary>y[…, j, …] = x[…, indices[…, j, …], …] along one axis; the other axes broadcast.</summary>
    /// <exception cref="ArgumentException">The indices are not integers, or another axis differs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an index lies outside the axis.</exception>
    public Tensor TakeAlongAxis(Tensor indices, int axis)
    {
        axis = Shape.Axis(axis, "take_along_axis");
        var (x, at) = Along("take_along_axis", Indices("take_along_axis", indices), axis);
        return Apply(new TakeAlong(axis), x, at);
    }

    /// <summary>This tensor with y[…, indices[…, j, …], …] = values[…, j, …] along one axis; of repeated indices the last wins.</summary>
    /// <remarks>Values broadcast to the indices, and these to the tensor in the other axes. Overwritten elements get no gradient.</remarks>
    /// <exception cref="ArgumentException">The indices are not integers, or shapes do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an index lies outside the axis.</exception>
    public Tensor PutAlongAxis(Tensor indices, Tensor values, int axis)
    {
        axis = Shape.Axis(axis, "put_along_axis");
        indices = Indices("put_along_axis", indices);
        if (indices.Rank != Rank || Shape.Broadcast(indices.Shape.With(axis, 1), Shape.With(axis, 1), "put_along_axis") != Shape.With(axis, 1))
        {
            Throw.Argument("put_along_axis", $"indices {indices.Shape} and array {Shape} differ in an axis other than {axis}");
        }
        var shape = Shape.With(axis, indices.Shape[axis]);
        var places = new TensorIndex[Rank];
        for (var i = 0; i < Rank; i++)
        {
            places[i] = i == axis ? indices.BroadcastTo(shape) : Arange(Shape[i]).Reshape([Shape[i], .. Enumerable.Repeat(1, Rank - 1 - i)]);
        }
        return At[places].Set(values);
    }

    /// <summary>The indices (uint32) of the elements that are not zero, one tensor (n,) for each axis, in row-major order.</summary>
    /// <remarks>Evaluates the tensor, since the result's shape depends on it; refused where a function is being compiled or mapped.</remarks>
    /// <exception cref="ArgumentException">The tensor is a scalar.</exception>
    /// <exception cref="InvalidOperationException">The tensor depends on an argument of a function that is being compiled or mapped.</exception>
    public Tensor[] NonZero()
    {
        if (Rank == 0) Throw.Argument("nonzero", "a scalar has no axis to index; compare it with 0");
        if (Recording() is { } transform)
        {
            Throw.Invalid("nonzero", $"the number of true elements, and with it the result's shape, is not known while a function is recorded for {transform}; use Tensor.Where, or At[mask].Set with one value, which keep the shape");
        }
        var flags = Truth().ToArray<bool>();
        var indices = new List<uint>[Rank];
        for (var axis = 0; axis < Rank; axis++) indices[axis] = [];
        for (var i = 0; i < flags.Length; i++)
        {
            if (!flags[i]) continue;
            var rest = i;
            for (var axis = Rank - 1; axis >= 0; axis--)
            {
                (rest, var index) = Math.DivRem(rest, Shape[axis]);
                indices[axis].Add((uint)index);
            }
        }
        return Array.ConvertAll(indices, list => From<uint>(list.ToArray()));
    }

    /// <summary>These integers as uint32 indices of an axis, none of which may count from its end; any that do are refused when computed.</summary>
    internal Tensor FromStart(string op, int axis, int size) => Apply(new FromStart(op, axis, size), Indices(op, this));

    /// <summary>A part of the first axis, without the effort of the general rules; null where it takes those.</summary>
    private Tensor? First(TensorIndex index)
    {
        if (Rank == 0 || index.Form is TensorIndex.Kind.NewAxis or TensorIndex.Kind.Ellipsis) return null;
        if (index.Tensor is { } tensor) return tensor.DType == DType.Bool ? null : Apply(new Take(0), this, tensor);
        var (start, count, step) = index.On(0, Shape);
        var part = Slice(0, start, count, step);
        return index.Form == TensorIndex.Kind.Entry ? part.Squeeze(0) : part;
    }

    /// <summary>The transform that records this tensor without a value; null when it can be computed.</summary>
    private string? Recording()
    {
        var seen = new HashSet<Tensor> { this };
        var stack = new Stack<Tensor>([this]);
        while (stack.TryPop(out var node))
        {
            if (node.Data is not null) continue;
            if (node.Op is Placeholder placeholder) return placeholder.Transform;
            foreach (var input in node.Inputs)
            {
                if (seen.Add(input)) stack.Push(input);
            }
        }
        return null;
    }

    private (Tensor X, Tensor Indices) Along(string name, Tensor indices, int axis)
    {
        if (indices.Rank != Rank) Throw.Argument(name, $"indices {indices.Shape} and array {Shape} differ in an axis other than {axis}");
        for (var i = 0; i < Rank; i++)
        {
            if (i == axis || Shape[i] == indices.Shape[i] || Shape[i] == 1 || indices.Shape[i] == 1) continue;
            Throw.Argument(name, $"indices {indices.Shape} and array {Shape} differ in an axis other than {axis}");
        }
        var common = Shape.Broadcast(Shape.With(axis, 1), indices.Shape.With(axis, 1), name);
        return (BroadcastTo(common.With(axis, Shape[axis])), indices.BroadcastTo(common.With(axis, indices.Shape[axis])));
    }

    private static Tensor Indices(string name, Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.DType.IsFloating() || indices.DType == DType.Bool) Throw.DTypeMismatch(name, indices.DType, "an integer type for indices");
        return indices;
    }
}
