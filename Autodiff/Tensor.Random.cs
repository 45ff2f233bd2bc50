using ManagedFed.Ops;

namespace ManagedFed;

// Random tensors are functions of a key, a uint32 tensor of shape (2,): equal keys give equal numbers, on every machine and
// thread count. A key in the graph may be an argument or a state of a compiled function.
public sealed partial class Tensor
{
    /// <summary>A key as a uint32 tensor of shape (2,).</summary>
    public static implicit operator Tensor(RandomKey key) => From<uint>(key.Word0, key.Word1);

    /// <summary>n independent keys, the rows of a uint32 tensor of shape (n, 2); the bits of <see cref="RandomKey.Split(int)"/>.</summary>
    /// <exception cref="ArgumentException">The key is none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">n is negative.</exception>
    public static Tensor RandomSplit(Tensor key, int n = 2)
    {
        Throw.Unless(n >= 0, "random_split", nameof(n), n, "0 or more");
        return RandomBits(key, [n, 2]);
    }

    /// <summary>Uniform random 32-bit words (uint32).</summary>
    /// <exception cref="ArgumentException">The key is none.</exception>
    public static Tensor RandomBits(Tensor key, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.DType != DType.UInt32 || key.Shape != [2])
        {
            Throw.Argument("random_bits", $"key has shape {key.Shape} of {key.DType.Name()}, expected (2,) of uint32");
        }
        return Apply(new RandomBits(shape), key);
    }

    /// <summary>Uniform in [low, high), from 32 random bits per element, as MLX draws them; float16 and bfloat16 are float32 numbers rounded, which may give high unless that is 1 and low 0.</summary>
    /// <exception cref="ArgumentException">low exceeds high, they or their distance are not finite, the type is not floating, or the key is none.</exception>
    public static Tensor RandomUniform(Tensor key, Shape shape, double low = 0, double high = 1, DType dtype = DType.Float32)
    {
        if (!dtype.IsFloating()) Throw.DTypeMismatch("random_uniform", dtype, "a floating type");
        if (low > high) Throw.Argument("random_uniform", $"low {low} exceeds high {high}");
        if (!double.IsFinite(high - low)) Throw.Argument("random_uniform", $"low {low} and high {high}, expected finite numbers a finite distance apart");
        var drawn = DrawnAs(dtype);
        var unit = Minimum(RandomBits(key, shape).AsType(drawn) / uint.MaxValue, Below1(drawn));
        if ((low, high) != (0, 1)) return (unit * (high - low) + low).AsType(dtype);
        return dtype == drawn ? unit : Minimum(unit.AsType(dtype), Below1(dtype));
    }

    /// <summary>Normal with the given mean and standard deviation: √2·erf⁻¹(u), u uniform in (−1, 1), as MLX draws it.</summary>
    /// <exception cref="ArgumentException">The standard deviation is negative, a parameter is not finite, the type is not floating, or the key is none.</exception>
    public static Tensor RandomNormal(Tensor key, Shape shape, double mean = 0, double std = 1, DType dtype = DType.Float32)
    {
        CheckSpread("random_normal", "mean", mean, "standard deviation", std);
        return (RandomSigned(key, shape, dtype).ErfInv() * (Math.Sqrt(2) * std) + mean).AsType(dtype);
    }

    /// <summary>Uniform in (−1, 1), in the type that a distribution is drawn in.</summary>
    private static Tensor RandomSigned(Tensor key, Shape shape, DType dtype) => RandomUniform(key, shape, -Below1(DrawnAs(dtype)), 1, DrawnAs(dtype));

    /// <summary>The type that random numbers are computed in, to be rounded once.</summary>
    private static DType DrawnAs(DType dtype)
    {
        if (!dtype.IsFloating()) Throw.DTypeMismatch("random", dtype, "a floating type");
        return dtype is DType.Float16 or DType.BFloat16 ? DType.Float32 : dtype;
    }

    /// <summary>The largest number of a floating type below 1.</summary>
    private static double Below1(DType dtype) => 1 - DTypes.FInfo(dtype).Epsilon / 2;

    /// <summary>True with probability p (bool), where 32 random bits, a number below 2³², lie below p·2³², as MLX draws it.</summary>
    /// <remarks>From p = 1 on always, up to p = 0 never.</remarks>
    /// <exception cref="ArgumentException">p is NaN, or the key is none.</exception>
    public static Tensor RandomBernoulli(Tensor key, double p, Shape shape)
    {
        if (double.IsNaN(p)) Throw.Argument("random_bernoulli", $"probability is {p}, expected a number");

        // An integer lies below a number just when it lies below the next integer from there.
        var limit = Math.Ceiling(Math.Clamp(p, 0, 1) * 4294967296.0);
        var bits = RandomBits(key, shape);
        return limit > uint.MaxValue ? Ones(shape, DType.Bool) : bits < From<uint>([(uint)limit], []);
    }

    /// <summary>True with the probability that each element of p says (bool), one draw for each element of the shape, to which p is broadcast.</summary>
    /// <remarks>The bits of the same key and shape with one p; no gradient flows. NaN in p is refused when values are computed.</remarks>
    /// <param name="key">The key.</param>
    /// <param name="p">Probabilities; from 1 on always, up to 0 never.</param>
    /// <param name="shape">The shape; none means that of p.</param>
    /// <exception cref="ArgumentException">p cannot be broadcast to the shape, holds NaN, or the key is none.</exception>
    public static Tensor RandomBernoulli(Tensor key, Tensor p, Shape? shape = null)
    {
        ArgumentNullException.ThrowIfNull(p);
        var all = shape ?? p.Shape;
        if (Shape.Broadcast(p.Shape, all, "random_bernoulli") != all) Throw.CannotBroadcast("random_bernoulli", p.Shape, all);
        var known = p.DType.IsFloating() ? Apply(new Refuse("random_bernoulli", "probability is", "a number"), p, p.IsNaN()) : p;

        // In double both sides are exact.
        return RandomBits(key, all).AsType(DType.Float64) < known.AsType(DType.Float64) * 4294967296.0;
    }

    /// <summary>Refuses a place that is not finite and a spread that is negative or not finite.</summary>
    private static void CheckSpread(string name, string place, double at, string spread, double by)
    {
        if (!double.IsFinite(at)) Throw.Argument(name, $"{place} is {at}, expected a finite number");
        if (by < 0) Throw.Argument(name, $"{spread} {by} is negative");
        if (!double.IsFinite(by)) Throw.Argument(name, $"{spread} is {by}, expected a finite number");
    }
}
