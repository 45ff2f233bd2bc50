using ManagedFed.Graph;
using ManagedFed.Ops;
using F = ManagedFed.Kernels;

namespace ManagedFed;

/// <summary>Chooses the elements that an update joins values into: <c>x.At[indices]</c>.</summary>
public readonly struct TensorAt
{
    private readonly Tensor tensor;

    internal TensorAt(Tensor tensor) => this.tensor = tensor;

    /// <summary>What tensor.</summary>
    public override string ToString() => $"elements of {tensor?.Describe() ?? "no tensor"}";

    /// <summary>The elements that <c>x[indices]</c> reads.</summary>
    public TensorUpdate this[params ReadOnlySpan<TensorIndex> indices] => new(tensor, indices.ToArray());
}

/// <summary>
/// Elements of a tensor to update: each method gives a new tensor in which they are joined with values, and leaves the old one
/// as it is.
/// </summary>
/// <remarks>
/// Values broadcast to the shape of <c>x[indices]</c> and take the tensor's type; fractions do not become integers.
/// Elements that are chosen several times are joined with every value, in the order of the indices, so that sums and products
/// accumulate; of several values set, the last wins. Gradients reach the tensor and the values; what is overwritten gets none.
/// One mask with values of the axes behind it needs not be computed, and works in functions that are compiled or mapped.
/// Indices out of range throw: numbers and ranges when called, index tensors when computed.
/// </remarks>
public sealed class TensorUpdate
{
    private readonly Tensor tensor;
    private readonly TensorIndex[] indices;

    internal TensorUpdate(Tensor tensor, TensorIndex[] indices)
    {
        this.tensor = tensor;
        this.indices = indices;
    }

    /// <summary>Which elements of what tensor.</summary>
    public override string ToString() => $"elements [{string.Join(", ", indices)}] of {tensor.Describe()}";

    /// <summary>The elements replaced.</summary>
    /// <exception cref="ArgumentException">The values do not broadcast to the elements, or are fractions for integers.</exception>
    public Tensor Set(Tensor values) => Join("set", values, static (_, v) => v, static axis => new ScatterSet(axis));

    /// <summary>The elements replaced by a number.</summary>
    public Tensor Set(double value) => Set(Number("set", value));

    /// <summary>Values added to the elements.</summary>
    /// <exception cref="ArgumentException">The values do not broadcast to the elements, or are fractions for integers.</exception>
    public Tensor Add(Tensor values) => Join("add", Arithmetic("add", values), static (x, v) => x + v, static axis => new ScatterAdd(axis));

    /// <summary>A number added to the elements.</summary>
    public Tensor Add(double value) => Add(Number("add", value));

    /// <summary>Values subtracted from the elements.</summary>
    public Tensor Subtract(Tensor values) => Add(-Arithmetic("subtract", Fitting("subtract", values)));

    /// <summary>A number subtracted from the elements.</summary>
    public Tensor Subtract(double value) => Subtract(Number("subtract", value));

    /// <summary>The elements multiplied by values.</summary>
    public Tensor Multiply(Tensor values) => Join("multiply", Arithmetic("multiply", values), static (x, v) => x * v, static axis => new ScatterMultiply(axis));

    /// <summary>The elements multiplied by a number.</summary>
    public Tensor Multiply(double value) => Multiply(Number("multiply", value));

    /// <summary>The elements divided by values; for floating tensors.</summary>
    /// <exception cref="ArgumentException">The tensor holds integers, whose quotients would be fractions.</exception>
    public Tensor Divide(Tensor values)
    {
        if (!tensor.DType.IsFloating()) Throw.DTypeMismatch("at.divide", tensor.DType, "a floating type; convert with AsType");
        return Join("divide", values, static (x, v) => x / v, static axis => new ScatterDivide(axis));
    }

    /// <summary>The elements divided by a number.</summary>
    public Tensor Divide(double value) => Divide(Number("divide", value));

    /// <summary>The larger of elements and values, NaN if either is; ties share the gradient equally.</summary>
    public Tensor Maximum(Tensor values) => Join("maximum", Arithmetic("maximum", values), Tensor.Maximum, static axis => new ScatterExtreme<F.JoinMax>("scatter_max", axis));

    /// <summary>The larger of elements and a number.</summary>
    public Tensor Maximum(double value) => Maximum(Number("maximum", value));

    /// <summary>The smaller of elements and values, NaN if either is; ties share the gradient equally.</summary>
    public Tensor Minimum(Tensor values) => Join("minimum", Arithmetic("minimum", values), Tensor.Minimum, static axis => new ScatterExtreme<F.JoinMin>("scatter_min", axis));

    /// <summary>The smaller of elements and a number.</summary>
    public Tensor Minimum(double value) => Minimum(Number("minimum", value));

    private Tensor Join(string name, Tensor values, Func<Tensor, Tensor, Tensor> join, Func<int, Op> scatter)
    {
        values = Fitting(name, values);
        if (indices is [{ Tensor: { DType: DType.Bool } mask }] && values.Rank <= tensor.Rank - mask.Rank && mask.Shape == Shape.Create(tensor.Shape.Sizes[..mask.Rank]))
        {
            // The same values for every true element.
            var rest = Shape.Create(tensor.Shape.Sizes[mask.Rank..]);
            if (Shape.Broadcast(values.Shape, rest, "at." + name) != rest) Throw.CannotBroadcast("at." + name, values.Shape, rest);
            var spread = mask.Reshape([.. mask.Shape.Sizes, .. Enumerable.Repeat(1, rest.Rank)]);
            return Tensor.Where(spread, join(tensor, values), tensor);
        }
        var selection = new Selection(tensor.Shape, indices);
        if (Shape.Broadcast(values.Shape, selection.Result, "at." + name) != selection.Result) Throw.CannotBroadcast("at." + name, values.Shape, selection.Result);
        return selection.Update(tensor, values.BroadcastTo(selection.Result), join, scatter);
    }

    /// <summary>Values of the tensor's type, if that takes them.</summary>
    private Tensor Fitting(string name, Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.DType.IsFloating() && !tensor.DType.IsFloating())
        {
            Throw.Argument("at." + name, $"values are {values.DType.Name()}, the tensor holds {tensor.DType.Name()}; convert one of them with AsType");
        }
        return values.AsType(tensor.DType);
    }

    private Tensor Arithmetic(string name, Tensor values)
    {
        if (tensor.DType == DType.Bool) Throw.DTypeMismatch("at." + name, tensor.DType, "a number; convert with AsType");
        return values;
    }

    private Tensor Number(string name, double value)
    {
        if (!tensor.DType.IsFloating() && value != Math.Floor(value))
        {
            Throw.Argument("at." + name, $"value is {value}, the tensor holds {tensor.DType.Name()}; convert with AsType");
        }
        return Tensor.Scalar(value, tensor.DType);
    }
}
