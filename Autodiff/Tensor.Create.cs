using System.Globalization;

namespace ManagedFed;

public sealed partial class Tensor
{
    /// <summary>A tensor with a copy of the values in row-major order.</summary>
    /// <exception cref="ArgumentException">The number of values differs from the shape's.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, Shape shape) where T : unmanaged => Own(NdArray.From(values, shape));

    /// <summary>A one-dimensional tensor of the values.</summary>
    public static Tensor From<T>(params ReadOnlySpan<T> values) where T : unmanaged => Own(NdArray.From(values));

    /// <summary>A tensor of shape (rows, columns) with the values of a rectangular array.</summary>
    public static Tensor From<T>(T[,] values) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        return From<T>([.. values.Cast<T>()], [values.GetLength(0), values.GetLength(1)]);
    }

    /// <summary>A scalar (shape ()) of the given type.</summary>
    public static Tensor Scalar(double value, DType dtype = DType.Float32) => Full([], value, dtype);

    /// <summary>All elements equal to <paramref name="value"/>.</summary>
    public static Tensor Full(Shape shape, double value, DType dtype = DType.Float32)
    {
        var one = NdArray.Rent([], dtype);
        one.Fill(value);
        var scalar = Own(one);
        return shape.Rank == 0 ? scalar : scalar.BroadcastTo(shape);
    }

    /// <summary>All elements 0 (false for bool).</summary>
    public static Tensor Zeros(Shape shape, DType dtype = DType.Float32) => Full(shape, 0, dtype);

    /// <summary>All elements 1 (true for bool).</summary>
    public static Tensor Ones(Shape shape, DType dtype = DType.Float32) => Full(shape, 1, dtype);

    /// <summary>Zeros of this tensor's shape and type.</summary>
    public Tensor ZerosLike() => Zeros(Shape, DType);

    /// <summary>Ones of this tensor's shape and type.</summary>
    public Tensor OnesLike() => Ones(Shape, DType);

    /// <summary>start, start+step, … below <paramref name="stop"/> (above it for a negative step), shape (⌈(stop−start)/step⌉,).</summary>
    /// <exception cref="ArgumentException">The step is 0 or a value is not finite.</exception>
    public static Tensor Arange(double start, double stop, double step = 1, DType dtype = DType.Int32)
    {
        var count = Math.Ceiling((stop - start) / step);
        if (step == 0 || !double.IsFinite(start) || !double.IsFinite(stop) || !double.IsFinite(step))
        {
            Throw.Argument("arange", string.Create(CultureInfo.InvariantCulture, $"from {start} to {stop} by {step} has no usable length; step must not be 0, values finite"));
        }
        var array = NdArray.Rent([Shape.Size("arange", (long)Math.Max(0, count))], dtype);
        Kernels.FillKernel.Arange(array, start, step);
        return Own(array);
    }

    /// <summary>0, 1, …, <paramref name="stop"/> − 1 as int32.</summary>
    public static Tensor Arange(int stop) => Arange(0, stop);

    /// <summary>The identity matrix of shape (n, n).</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is negative.</exception>
    public static Tensor Eye(int n, DType dtype = DType.Float32) => Eye(n, n, dtype: dtype);
}
