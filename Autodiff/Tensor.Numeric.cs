namespace ManagedFed;

// Rounding, division with remainder, repair of values, spread.
public sealed partial class Tensor
{
    /// <summary>x without its fraction, rounded toward 0; the derivative is 0.</summary>
    public Tensor Trunc() => DType.IsFloating() ? Where(this < 0, Ceiling(), Floor()) : this;

    /// <summary>The nearest multiple of 10^(−decimals), halves to even; the derivative is 0. Negative decimals round to tens and more.</summary>
    /// <remarks>Integers stay integers. Computed as round(x·10^d)/10^d, so that halves are those of the binary value, as in NumPy.</remarks>
    public Tensor Round(int decimals)
    {
        if (decimals == 0) return Round();
        if (!DType.IsFloating()) return decimals > 0 || DType == DType.Bool ? this : AsType(DType.Float64).Round(decimals).AsType(DType);
        var scale = Math.Pow(10, Math.Abs(decimals));
        return InWide(x => decimals > 0 ? (x * scale).Round() / scale : (x / scale).Round() * scale);
    }

    /// <summary>The quotient rounded down and the remainder with the sign of b, as <see cref="FloorDivide"/> and % give them: a = q·b + r.</summary>
    /// <remarks>An integer divided by 0 gives (0, 0), where the equation has no solution.</remarks>
    public static (Tensor Quotient, Tensor Remainder) DivMod(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        return (a.FloorDivide(b), a % b);
    }

    /// <summary>NaN and infinities replaced by numbers; their gradient is 0.</summary>
    /// <param name="nan">For NaN.</param>
    /// <param name="positiveInfinity">For +∞; none means the largest finite number of the type.</param>
    /// <param name="negativeInfinity">For −∞; none means the smallest.</param>
    public Tensor NanToNum(double nan = 0, double? positiveInfinity = null, double? negativeInfinity = null)
    {
        if (!DType.IsFloating()) return this;
        var largest = DTypes.FInfo(DType).Max;
        var repaired = Where(IsNaN(), FullLike(nan), this);
        repaired = Where(IsPosInf(), FullLike(positiveInfinity ?? largest), repaired);
        return Where(IsNegInf(), FullLike(negativeInfinity ?? -largest), repaired);
    }

    /// <summary>The standard deviation √Var over the axes; where all elements are equal the gradient is 0, as in PyTorch (MLX and JAX give NaN).</summary>
    /// <param name="axes">The axes; none means all.</param>
    /// <param name="keepDims">Leaves reduced axes with size 1.</param>
    /// <param name="ddof">Subtracted from the number of elements: 0 for the population, 1 for a sample.</param>
    public Tensor Std(ReadOnlySpan<int> axes, bool keepDims = false, int ddof = 0)
    {
        if (!IsHalf || Count == 0) return Var(axes, keepDims, ddof).RootOrFlat();

        // A bfloat16 has float32's range: its squares may leave that, the length of all distances does not.
        var x = AsType(DType.Float32);
        var length = (x - x.Mean(axes, keepDims: true)).Norm(axes, keepDims: keepDims);
        return (length / Math.Sqrt(Math.Max(0, (double)Count / length.Count - ddof))).AsType(DType);
    }

    /// <summary>The standard deviation along one axis.</summary>
    public Tensor Std(int axis, bool keepDims = false, int ddof = 0) => Std([axis], keepDims, ddof);

    /// <summary>The standard deviation of all elements.</summary>
    public Tensor Std() => Std([]);

    /// <summary>√x, with the gradient 0 instead of ∞ at 0.</summary>
    private Tensor RootOrFlat()
    {
        var flat = this == 0.0;
        return Where(flat, ZerosLike(), Where(flat, OnesLike(), this).Sqrt());
    }
}
