namespace ManagedFed;

// Lengths of vectors and matrices.
public sealed partial class Tensor
{
    /// <summary>
    /// The length (Σ|x|ᵖ)^(1/p) over the axes: 2 is Euclid's, and over two axes Frobenius'; 1 the sum, +∞ the largest, −∞ the smallest
    /// magnitude, 0 the number of elements that are not zero.
    /// </summary>
    /// <remarks>
    /// At the origin the gradient is 0, as in PyTorch (MLX gives NaN). The largest magnitude is divided out first, so that squares
    /// neither overflow nor vanish. Integers give float32.
    /// </remarks>
    /// <param name="axes">The axes that form the vectors; none means all.</param>
    /// <param name="p">Any number but NaN.</param>
    /// <param name="keepDims">Leaves reduced axes with size 1.</param>
    /// <exception cref="ArgumentException">p is NaN, or ±∞ over no elements.</exception>
    public Tensor Norm(ReadOnlySpan<int> axes, double p = 2, bool keepDims = false)
    {
        if (double.IsNaN(p)) Throw.Argument("norm", "p is NaN; expected a number");
        if (IsHalf) return AsType(DType.Float32).Norm(axes, p, keepDims).AsType(DType);
        var x = Floating().Abs();
        if (double.IsPositiveInfinity(p)) return x.Max(axes, keepDims);
        if (double.IsNegativeInfinity(p)) return x.Min(axes, keepDims);
        if (p == 0) return CountNonZero(axes, keepDims).AsType(x.DType);
        if (p == 1) return x.Sum(axes, keepDims);
        if (x.Count == 0) return x.Sum(axes, keepDims);

        // ‖x‖ = m·‖x/m‖ for any m: it takes no part in the derivative.
        var largest = x.Max(axes, keepDims: true).StopGradient();
        var scale = Where((largest > 0) & largest.IsFinite(), largest, largest.OnesLike());
        x = x / scale;
        var outer = keepDims ? scale : scale.Max(axes);
        if (p == 2) return x.Square().Sum(axes, keepDims).RootOrFlat() * outer;

        // Powers of 0 have no derivative for p < 1, and 0 as part of a sum of others takes none.
        var isZero = x == 0.0;
        var sum = Where(isZero, p > 0 ? x.ZerosLike() : x.FullLike(double.PositiveInfinity), Where(isZero, x.OnesLike(), x).Power(p)).Sum(axes, keepDims);
        var flat = (sum == 0.0) | !sum.IsFinite();
        var edge = Where(sum.IsNaN(), sum, p > 0 ? sum : sum.ZerosLike()).StopGradient();
        return Where(flat, edge, Where(flat, sum.OnesLike(), sum).Power(1 / p)) * outer;
    }

    /// <summary>The length of the vectors along one axis.</summary>
    public Tensor Norm(int axis, double p = 2, bool keepDims = false) => Norm([axis], p, keepDims);

    /// <summary>The Euclidean length of all elements.</summary>
    public Tensor Norm() => Norm([]);
}
