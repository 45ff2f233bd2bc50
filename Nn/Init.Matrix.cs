namespace ManagedFed.Nn;

// Rules for matrices, computed at once: they need orders and projections of whole rows.
public static partial class Init
{
    /// <summary>Gain on the diagonal and 0 elsewhere, for a square matrix: of no other is there an identity.</summary>
    /// <exception cref="ArgumentException">The shape is no square matrix, or the gain is not finite.</exception>
    public static Tensor Identity(Shape shape, double gain = 1, DType dtype = DType.Float32)
    {
        ExpectMatrix("identity", shape);
        if (shape[0] != shape[1]) Throw.Argument("identity", $"shape {shape} is not square, expected ({shape[0]}, {shape[0]}) or ({shape[1]}, {shape[1]})");
        Interval.Finite.Check("identity", "gain", gain);
        return (Tensor.Arange(shape[0]).ExpandDims(1) == Tensor.Arange(shape[1])).AsType(dtype) * gain;
    }

    /// <summary>Normal, with ⌈sparsity·columns⌉ elements of each row, chosen at random, set to 0 (Martens 2010).</summary>
    /// <param name="key">Chooses the values and places.</param>
    /// <param name="shape">A matrix's.</param>
    /// <param name="sparsity">The share of zeros, in [0, 1].</param>
    /// <param name="mean">The mean of the others, finite.</param>
    /// <param name="std">The standard deviation of the others, in [0, ∞).</param>
    /// <param name="dtype">The type of the elements.</param>
    /// <exception cref="ArgumentException">The shape is no matrix, or a number lies outside its range.</exception>
    public static Tensor Sparse(RandomKey key, Shape shape, double sparsity, double mean = 0, double std = 1, DType dtype = DType.Float32)
    {
        ExpectMatrix("sparse", shape);
        Interval.Unit.Check("sparse", "sparsity", sparsity);
        var (values, places) = key.Split();
        var (rows, columns) = (shape[0], shape[1]);
        var zeros = (int)Math.Ceiling(sparsity * columns);
        var bits = Tensor.RandomBits(places, shape).ToArray<uint>();
        var isZero = new bool[bits.Length];
        for (var row = 0; row < rows; row++)
        {
            var order = Enumerable.Range(row * columns, columns).OrderBy(i => bits[i]);
            foreach (var i in order.Take(zeros)) isZero[i] = true;
        }
        var normal = Normal(values, shape, mean, std, dtype);
        return Tensor.Where(Tensor.From<bool>(isZero, shape), normal.ZerosLike(), normal);
    }

    /// <summary>A random matrix with orthonormal rows or columns, whichever are fewer, times gain (Saxe et al. 2014).</summary>
    /// <exception cref="ArgumentException">The shape is no matrix, or the gain is not finite.</exception>
    public static Tensor Orthogonal(RandomKey key, Shape shape, double gain = 1, DType dtype = DType.Float32)
    {
        ExpectMatrix("orthogonal", shape);
        Interval.Finite.Check("orthogonal", "gain", gain);
        var (count, length) = (Math.Min(shape[0], shape[1]), Math.Max(shape[0], shape[1]));
        var vectors = Tensor.RandomNormal(key, [count, length], dtype: DType.Float64).ToArray<double>();
        for (var i = 0; i < count; i++)
        {
            var v = vectors.AsSpan(i * length, length);

            // Twice, because the first pass leaves what rounding took from nearly dependent vectors.
            for (var pass = 0; pass < 2; pass++)
            {
                for (var j = 0; j < i; j++) Subtract(v, vectors.AsSpan(j * length, length));
            }
            var norm = Math.Sqrt(Dot(v, v));
            foreach (ref var x in v) x /= norm;
        }
        var orthonormal = Tensor.From<double>(vectors, [count, length]);
        return ((shape[0] > shape[1] ? orthonormal.T : orthonormal) * gain).AsType(dtype);

        static void Subtract(Span<double> v, ReadOnlySpan<double> unit)
        {
            var along = Dot(v, unit);
            for (var k = 0; k < v.Length; k++) v[k] -= along * unit[k];
        }

        static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
        {
            var sum = 0.0;
            for (var k = 0; k < a.Length; k++) sum += a[k] * b[k];
            return sum;
        }
    }

    private static void ExpectMatrix(string name, Shape shape)
    {
        if (shape.Rank != 2) Throw.Argument(name, $"shape {shape} has {shape.Rank} axes, expected a matrix");
    }
}
