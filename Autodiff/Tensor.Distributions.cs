using ManagedFed.Ops;

namespace ManagedFed;

// More random tensors of a key: integers, orders, classes, and distributions by inversion of uniform numbers.
public sealed partial class Tensor
{
    private const int ExactFloats = 1 << 24, ShortPermutation = 1 << 16;

    /// <summary>Integers in [low, high), each nearly equally likely.</summary>
    /// <remarks>
    /// Bounds within ±2²⁴: the floor of uniform float32 numbers, as MLX draws them. Beyond, where these would leave numbers out, the
    /// remainder of 63 random bits.
    /// </remarks>
    /// <param name="key">The key.</param>
    /// <param name="low">The least.</param>
    /// <param name="high">One more than the largest.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="dtype">An integer type that holds the bounds.</param>
    /// <exception cref="ArgumentException">high is not greater than low, they are more than 2³² apart, the type is floating or does not hold them, or the key is none.</exception>
    public static Tensor RandomInt(Tensor key, long low, long high, Shape shape, DType dtype = DType.Int32)
    {
        if (dtype.IsFloating() || dtype == DType.Bool) Throw.DTypeMismatch("random_int", dtype, "an integer type");
        if (low >= high) Throw.Argument("random_int", $"low {low} is not less than high {high}");
        var info = DTypes.IInfo(dtype);
        if (low < info.Min || high - (Int128)1 > info.Max) Throw.Argument("random_int", $"{low}..{high} does not fit into {dtype.Name()}, which holds {info.Min}..{info.Max}");
        if (low >= -ExactFloats && high <= ExactFloats)
        {
            return Minimum(RandomUniform(key, shape, low, high).Floor(), high - 1.0).AsType(dtype);
        }
        var span = unchecked((ulong)high - (ulong)low);
        if (span > 1UL << 32) Throw.Argument("random_int", $"{low}..{high} spans {span} integers, at most 2^32");
        var offset = Words(key, shape) % From<long>([(long)span], []);
        return (offset + low).AsType(dtype);
    }

    /// <summary>63 random bits (int64), not negative.</summary>
    private static Tensor Words(Tensor key, Shape shape)
    {
        var keys = RandomSplit(key);
        var upper = RandomBits(keys[0], shape) >> 1;
        return (upper.AsType(DType.Int64) << 32) | RandomBits(keys[1], shape).AsType(DType.Int64);
    }

    /// <summary>The numbers 0 … n − 1 (uint32) in a random order: the order that sorts random bits, as MLX draws it.</summary>
    /// <remarks>Up to n = 2¹⁶ the bits are 32 for each number; beyond, where words would often be equal, they are 63.</remarks>
    /// <exception cref="ArgumentException">n is negative, or the key is none.</exception>
    public static Tensor RandomPermutation(Tensor key, int n)
    {
        if (n < 0) Throw.Argument("random_permutation", $"n is {n}, expected 0 or more");
        return (n <= ShortPermutation ? RandomBits(key, [n]) : Words(key, [n])).ArgSort();
    }

    /// <summary>The entries of a tensor along an axis in a random order.</summary>
    public static Tensor RandomPermutation(Tensor key, Tensor x, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(x);
        axis = x.Shape.Axis(axis, "random_permutation");
        return x.Take(RandomPermutation(key, x.Shape[axis]), axis);
    }

    /// <summary>The standard Gumbel distribution −ln(−ln u), u uniform in (0, 1).</summary>
    /// <exception cref="ArgumentException">The type is not floating, or the key is none.</exception>
    public static Tensor RandomGumbel(Tensor key, Shape shape, DType dtype = DType.Float32)
    {
        // 0 occurs once in 2³² times, and its logarithm would be −∞.
        var u = Maximum(RandomUniform(key, shape, dtype: DrawnAs(dtype)), BitConverter.UInt32BitsToSingle(0x0080_0000));
        return (-(-u.Log()).Log()).AsType(dtype);
    }

    /// <summary>Classes (uint32) with probabilities softmax(logits) along an axis, which disappears: the largest of logits + Gumbel noise, as MLX and JAX draw them.</summary>
    /// <param name="key">The key.</param>
    /// <param name="logits">Logarithms of probabilities, up to a constant; −∞ never occurs.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <exception cref="ArgumentException">There are no classes, or the key is none.</exception>
    public static Tensor RandomCategorical(Tensor key, Tensor logits, int axis = -1)
    {
        ArgumentNullException.ThrowIfNull(logits);
        var scores = Scores(logits, logits.Rank == 0 ? 0 : logits.Shape.Axis(axis, "random_categorical"));
        return (scores + RandomGumbel(key, scores.Shape, scores.DType)).ArgMax(axis);
    }

    /// <summary>Several classes for each row of logits, along a new last axis; drawn with putting back.</summary>
    /// <exception cref="ArgumentException">count is negative, there are no classes, or the key is none.</exception>
    public static Tensor RandomCategorical(Tensor key, Tensor logits, int count, int axis)
    {
        ArgumentNullException.ThrowIfNull(logits);
        if (count < 0) Throw.Argument("random_categorical", $"count is {count}, expected 0 or more");
        axis = logits.Shape.Axis(axis, "random_categorical");
        var scores = Scores(logits, axis).ExpandDims(-1);
        return (scores + RandomGumbel(key, [.. logits.Shape.Sizes, count], scores.DType)).ArgMax(axis);
    }

    /// <summary>Logits to draw from, floats of at least 32 bits, refused where a row holds NaN or +∞ or nothing but −∞.</summary>
    private static Tensor Scores(Tensor logits, int axis)
    {
        var scores = logits.Floating();
        if (scores.IsHalf) scores = scores.AsType(DType.Float32);
        if (scores.Count == 0) return scores;
        var largest = scores.Max(axis, keepDims: true);
        var known = Apply(new Refuse("random_categorical", "the largest logit of a row is", "a finite number"), largest, !largest.IsFinite());
        return Apply(Depends.Instance, scores, known);
    }

    /// <summary>The standard normal distribution, cut off at both ends: √2·erf⁻¹(u), u uniform in [erf(low/√2), erf(high/√2)), as MLX and JAX draw it.</summary>
    /// <remarks>
    /// Where all lies further out than 3.5 it is drawn in float64, whose erf is not yet 1 there; further out than 7 with the density
    /// |x|·e^(−x²/2), whose inverse is known and which differs by less than 1/50 where most numbers lie.
    /// </remarks>
    /// <exception cref="ArgumentException">low is not less than high, the type is not floating, or the key is none.</exception>
    public static Tensor RandomTruncatedNormal(Tensor key, double low, double high, Shape shape, DType dtype = DType.Float32)
    {
        if (!(low < high)) Throw.Argument("random_truncated_normal", $"low {low} is not less than high {high}");
        var root = Math.Sqrt(2);
        var drawn = DrawnAs(dtype);
        var nearest = low > 0 ? low : high < 0 ? -high : 0;
        if (nearest > 3.5) drawn = DType.Float64;
        if (nearest > 7) return TailNormal(RandomUniform(key, shape, dtype: drawn), low, high).AsType(dtype);
        var (from, to) = (Scalar(low / root, drawn).Erf(), Scalar(high / root, drawn).Erf());
        var u = RandomUniform(key, shape, dtype: drawn) * (to - from) + from;
        return Minimum(Maximum(u.ErfInv() * root, low), high).AsType(dtype);
    }

    // x² = a² − 2·ln(1 − u·(1 − e^((a² − b²)/2))), from the nearer end a to the other, b.
    private static Tensor TailNormal(Tensor u, double low, double high)
    {
        var (a, b) = low > 0 ? (low, high) : (-high, -low);
        var share = -double.ExpM1((a - b) * (a + b) / 2);
        var size = Minimum(Maximum(((u * -share).Log1p() * -2 + a * a).Sqrt(), a), b);
        return low > 0 ? size : -size;
    }

    /// <summary>The Laplace distribution with density e^(−|x − mean|/scale)/(2·scale): sign(u)·ln(1 − |u|), u uniform in (−1, 1), as JAX draws it.</summary>
    /// <remarks>Its standard deviation is √2·scale.</remarks>
    /// <exception cref="ArgumentException">scale is negative, a parameter is not finite, the type is not floating, or the key is none.</exception>
    public static Tensor RandomLaplace(Tensor key, Shape shape, double mean = 0, double scale = 1, DType dtype = DType.Float32)
    {
        CheckSpread("random_laplace", "mean", mean, "scale", scale);
        var u = RandomSigned(key, shape, dtype);
        return (u.Sign() * (-u.Abs()).Log1p() * scale + mean).AsType(dtype);
    }

    /// <summary>The exponential distribution with density e^(−x/scale)/scale for x ≥ 0: −scale·ln(1 − u), u uniform in [0, 1), as JAX draws it.</summary>
    /// <exception cref="ArgumentException">scale is negative, a parameter is not finite, the type is not floating, or the key is none.</exception>
    public static Tensor RandomExponential(Tensor key, Shape shape, double scale = 1, DType dtype = DType.Float32)
    {
        CheckSpread("random_exponential", "mean", 0, "scale", scale);
        return ((-RandomUniform(key, shape, dtype: DrawnAs(dtype))).Log1p() * -scale).AsType(dtype);
    }
}
