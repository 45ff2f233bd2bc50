using ManagedFed.Ops;

namespace ManagedFed;

// Random tensors are functions of a key: equal keys give equal numbers, on every machine and thread count.
public sealed partial class Tensor
{
    /// <summary>Uniform random 32-bit words (uint32).</summary>
    public static Tensor RandomBits(RandomKey key, Shape shape) => Apply(new RandomBits(shape), From<uint>(key.Word0, key.Word1));

    /// <summary>Uniform in [low, high), from 32 random bits per element, as MLX draws them.</summary>
    /// <exception cref="ArgumentException">low exceeds high, or the type is not floating.</exception>
    public static Tensor RandomUniform(RandomKey key, Shape shape, double low = 0, double high = 1, DType dtype = DType.Float32)
    {
        if (!dtype.IsFloating()) Throw.DTypeMismatch("random_uniform", dtype, "float32 or float64");
        if (!(low <= high)) Throw.Argument("random_uniform", $"low {low} exceeds high {high}");
        var bits = RandomBits(key, shape).AsType(dtype) / uint.MaxValue;
        var below = dtype == DType.Float32 ? MathF.BitDecrement(1) : Math.BitDecrement(1);
        var unit = Minimum(bits, below);
        return (low, high) == (0, 1) ? unit : unit * (high - low) + low;
    }

    /// <summary>Normal with the given mean and standard deviation: √2·erf⁻¹(u), u uniform in (−1, 1), as MLX draws it.</summary>
    /// <exception cref="ArgumentException">The standard deviation is negative, or the type is not floating.</exception>
    public static Tensor RandomNormal(RandomKey key, Shape shape, double mean = 0, double std = 1, DType dtype = DType.Float32)
    {
        if (!(std >= 0)) Throw.Argument("random_normal", $"standard deviation {std} is negative");
        var u = RandomUniform(key, shape, dtype == DType.Float32 ? MathF.BitIncrement(-1) : Math.BitIncrement(-1), 1, dtype);
        return u.ErfInv() * (Math.Sqrt(2) * std) + mean;
    }

    /// <summary>True with probability p (bool).</summary>
    /// <exception cref="ArgumentException">p lies outside [0, 1].</exception>
    public static Tensor RandomBernoulli(RandomKey key, double p, Shape shape)
    {
        if (!(p >= 0 && p <= 1)) Throw.Argument("random_bernoulli", $"probability {p} lies outside 0..1");
        return RandomBits(key, shape).AsType(DType.Float64) < p * 4294967296.0;
    }
}
