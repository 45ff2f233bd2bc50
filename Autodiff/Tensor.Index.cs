using ManagedFed.Ops;

namespace ManagedFed;

// Reading parts. Indices out of range throw: slices when called, index tensors when computed.
public sealed partial class Tensor
{
    /// <summary>Entry <paramref name="index"/> of the first axis, which disappears.</summary>
    /// <exception cref="ArgumentException">The index lies outside the axis.</exception>
    [System.Runtime.CompilerServices.IndexerName("At")]
    public Tensor this[int index] => Entry(0, index);

    /// <summary>Entry (i, j) of the first two axes, which disappear.</summary>
    [System.Runtime.CompilerServices.IndexerName("At")]
    public Tensor this[int i, int j] => Entry(0, i).Entry(0, j);

    /// <summary>A range of the first axis: <c>x[2..^1]</c>.</summary>
    [System.Runtime.CompilerServices.IndexerName("At")]
    public Tensor this[Range range] => Part(0, range);

    /// <summary>Ranges of the first two axes: <c>x[.., 1..3]</c>.</summary>
    [System.Runtime.CompilerServices.IndexerName("At")]
    public Tensor this[Range first, Range second] => Part(0, first).Part(1, second);

    /// <summary>The rows chosen by an integer tensor, as <see cref="Take"/> along axis 0.</summary>
    [System.Runtime.CompilerServices.IndexerName("At")]
    public Tensor this[Tensor indices] => Take(indices);

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
    public Tensor Take(Tensor indices, int axis = 0) => Apply(new Take(Shape.Axis(axis, "take")), this, Indices("take", indices));

    /// <summary>y[…, j, …] = x[…, indices[…, j, …], …] along one axis, the other axes being of equal size.</summary>
    /// <exception cref="ArgumentException">The indices are not integers, or another axis differs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an index lies outside the axis.</exception>
    public Tensor TakeAlongAxis(Tensor indices, int axis) =>
        Apply(new TakeAlong(Shape.Axis(axis, "take_along_axis")), this, Indices("take_along_axis", indices));

    private static Tensor Indices(string name, Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.DType.IsFloating() || indices.DType == DType.Bool) Throw.DTypeMismatch(name, indices.DType, "an integer type for indices");
        return indices;
    }

    private Tensor Entry(int axis, int index)
    {
        if (Rank == 0) Throw.Argument("index", "a scalar has no axis to index; use Item");
        var size = Shape[axis];
        if (index < -size || index >= size) Throw.Argument("index", $"index {index} is out of range for axis {axis} of shape {Shape}");
        return Slice(axis, index < 0 ? index + size : index, 1).Squeeze(axis);
    }

    private Tensor Part(int axis, Range range)
    {
        var size = Shape[Shape.Axis(axis, "index")];
        var (start, end) = (range.Start.GetOffset(size), range.End.GetOffset(size));
        if (start < 0 || end > size || start > end) Throw.Argument("index", $"range {range} lies outside axis {axis} of shape {Shape}");
        return Slice(axis, start, end - start);
    }
}
