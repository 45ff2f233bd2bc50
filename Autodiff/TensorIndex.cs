namespace ManagedFed;

/// <summary>
/// One place of a subscript <c>x[…]</c> or <c>x.At[…]</c>: a number, a range, a <see cref="Slice"/> with a step, an integer or
/// bool tensor, <see cref="NewAxis"/> or <see cref="Ellipsis"/>. Made from an int, Index, Range or Tensor by itself.
/// </summary>
/// <remarks>
/// As in NumPy: numbers drop their axis, ranges keep it, missing places mean all. Integer tensors broadcast against each other
/// and their axes take the place of those indexed, or come first where these are not neighbours. A bool tensor (a mask) covers
/// as many axes as it has and stands for the indices of its true elements. Unlike NumPy, a range or slice that reaches outside
/// its axis is refused instead of cut off.
/// </remarks>
public readonly struct TensorIndex
{
    internal enum Kind : byte
    {
        Entry,
        Part,
        Steps,
        NewAxis,
        Ellipsis,
        Tensor,
    }

    private TensorIndex(Kind form) => Form = form;

    internal Kind Form { get; }

    /// <summary>The entry.</summary>
    internal Index At { get; private init; }

    /// <summary>The part.</summary>
    internal Range Range { get; private init; }

    internal (int? Start, int? Stop, int Step) Bounds { get; private init; }

    internal Tensor? Tensor { get; private init; }

    /// <summary>The axes of the indexed tensor that this takes.</summary>
    internal int AxisCount => Form switch
    {
        Kind.NewAxis or Kind.Ellipsis => 0,
        Kind.Tensor => Tensor!.DType == DType.Bool ? Tensor.Rank : 1,
        _ => 1,
    };

    /// <summary>An axis of size 1 in this place of the result.</summary>
    public static TensorIndex NewAxis => new(Kind.NewAxis);

    /// <summary>All axes that the other places leave over.</summary>
    public static TensorIndex Ellipsis => new(Kind.Ellipsis);

    /// <summary>The whole axis.</summary>
    public static TensorIndex All => System.Range.All;

    /// <summary>Elements start, start + step, … before stop (after it for a negative step); negative bounds count from the end.</summary>
    /// <param name="start">None means the first element, or the last for a negative step.</param>
    /// <param name="stop">None means to the end, or to the beginning for a negative step.</param>
    /// <param name="step">Not 0.</param>
    /// <exception cref="ArgumentException">The step is 0.</exception>
    public static TensorIndex Slice(int? start = null, int? stop = null, int step = 1)
    {
        if (step == 0) Throw.Argument("index", "step 0 of a slice; expected another number");
        return new(Kind.Steps) { Bounds = (start, stop, step) };
    }

    /// <summary>Entry number <paramref name="index"/>; negative counts from the end.</summary>
    public static implicit operator TensorIndex(int index)
    {
        // The number that has no opposite lies outside of every axis, as its neighbour does, but a message should show it.
        if (index == int.MinValue) Throw.Argument("index", $"index {index} is out of range for any axis");
        return new(Kind.Entry) { At = index < 0 ? new Index(-index, fromEnd: true) : index };
    }

    /// <summary>An entry, perhaps counted from the end: <c>^1</c>.</summary>
    public static implicit operator TensorIndex(Index index) => new(Kind.Entry) { At = index };

    /// <summary>A part: <c>2..^1</c>.</summary>
    public static implicit operator TensorIndex(Range range) => new(Kind.Part) { Range = range };

    /// <summary>Entries chosen by integers, or a mask.</summary>
    public static implicit operator TensorIndex(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.DType.IsFloating()) Throw.DTypeMismatch("index", tensor.DType, "an integer type or bool for indices");
        if (tensor.DType == DType.Bool && tensor.Rank == 0) Throw.Argument("index", "a mask of shape () covers no axis; use Tensor.Where");
        return new(Kind.Tensor) { Tensor = tensor };
    }

    /// <summary>Entries chosen by integers, or a mask.</summary>
    public static implicit operator TensorIndex(NdArray array) => (Tensor)array;

    /// <summary>The place as it is written: <c>1</c>, <c>^1</c>, <c>2..5</c>, <c>0:8:2</c>, <c>newaxis</c>, <c>...</c>, or a tensor's type and shape.</summary>
    public override string ToString() => Form switch
    {
        Kind.Entry => At.ToString(),
        Kind.Part => Range.ToString(),
        Kind.Steps => $"{Bounds.Start}:{Bounds.Stop}:{Bounds.Step}",
        Kind.NewAxis => "newaxis",
        Kind.Ellipsis => "...",
        _ => $"{Tensor!.DType.Name()} {Tensor.Shape}",
    };

    /// <summary>The elements along an axis as (start, count, step).</summary>
    internal (int Start, int Count, int Step) On(int axis, Shape shape)
    {
        var size = shape[axis];
        if (Form == Kind.Entry)
        {
            var index = At.GetOffset(size);
            if (index < 0 || index >= size) Throw.Argument("index", $"index {(At.IsFromEnd ? -At.Value : At.Value)} is out of range for axis {axis} of shape {shape}");
            return (index, 1, 1);
        }
        if (Form == Kind.Part)
        {
            var (from, to) = (Range.Start.GetOffset(size), Range.End.GetOffset(size));
            if (from < 0 || to > size || from > to) Throw.Argument("index", $"range {Range} lies outside axis {axis} of shape {shape}");
            return (from, to - from, 1);
        }

        // Before the first element stands −1, behind the last stands size.
        var (first, last, step) = Bounds;
        var (low, high) = step > 0 ? (0, size) : (-1, size - 1);
        var start = first < 0 ? first.Value + size : first ?? (step > 0 ? low : high);
        var stop = last < 0 ? last.Value + size : last ?? (step > 0 ? high : low);
        if (start < low || start > high || stop < low || stop > high)
        {
            Throw.Argument("index", $"slice {first}:{last}:{step} lies outside axis {axis} of shape {shape}");
        }
        var distance = step > 0 ? (long)stop - start : (long)start - stop;
        var count = distance <= 0 ? 0 : (int)((distance - 1) / Math.Abs((long)step) + 1);
        return (start, count, step);
    }
}
