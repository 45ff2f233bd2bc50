namespace ManagedFed.Nn;

/// <summary>Which number of connections scales an initial weight.</summary>
public enum FanMode
{
    /// <summary>Inputs of a neuron: keeps the variance of the forward pass.</summary>
    In,

    /// <summary>Outputs of a neuron: keeps the variance of the backward pass.</summary>
    Out,
}

/// <summary>Initial values for parameters, each a function of a key.</summary>
/// <remarks>
/// Fans as in MLX: fan_in is the last size and fan_out the first, both times the sizes between them. Gains are 1 unless
/// given, in [0, ∞), so <see cref="HeNormal"/> for a ReLU network as in He et al. wants gain √2.
/// </remarks>
public static partial class Init
{
    /// <summary>All elements equal to <paramref name="value"/>, a finite number.</summary>
    /// <exception cref="ArgumentException">The value is not finite.</exception>
    public static Tensor Constant(Shape shape, double value, DType dtype = DType.Float32) =>
        Tensor.Full(shape, Interval.Finite.Check("constant", "value", value), dtype);

    /// <summary>Normal with the given finite mean and standard deviation in [0, ∞).</summary>
    /// <exception cref="ArgumentException">The mean or the deviation lies outside its range, or the type is not floating.</exception>
    public static Tensor Normal(RandomKey key, Shape shape, double mean = 0, double std = 1, DType dtype = DType.Float32) =>
        Tensor.RandomNormal(key, shape, Interval.Finite.Check("normal", "mean", mean), Interval.NotNegative.Check("normal", "standard deviation", std), dtype);

    /// <summary>Uniform in [low, high), both finite.</summary>
    /// <exception cref="ArgumentException">low exceeds high, either is not finite, or the type is not floating.</exception>
    public static Tensor Uniform(RandomKey key, Shape shape, double low = 0, double high = 1, DType dtype = DType.Float32)
    {
        Interval.Finite.Check("uniform", "low", low);
        new Interval(low, double.PositiveInfinity, HighOpen: true).Check("uniform", "high", high);
        return Tensor.RandomUniform(key, shape, low, high, dtype);
    }

    /// <summary>Uniform in ±gain·√(6/(fan_in + fan_out)) (Glorot and Bengio 2010).</summary>
    /// <exception cref="ArgumentException">The shape has fewer than two axes, or the gain is negative or not finite.</exception>
    public static Tensor GlorotUniform(RandomKey key, Shape shape, double gain = 1, DType dtype = DType.Float32)
    {
        var (fanIn, fanOut) = Fans("glorot_uniform", shape);
        return Symmetric(key, shape, Gain("glorot_uniform", gain) * Math.Sqrt(6 / (fanIn + fanOut)), dtype);
    }

    /// <summary>Normal with mean 0 and standard deviation gain·√(2/(fan_in + fan_out)) (Glorot and Bengio 2010).</summary>
    /// <exception cref="ArgumentException">The shape has fewer than two axes, or the gain is negative or not finite.</exception>
    public static Tensor GlorotNormal(RandomKey key, Shape shape, double gain = 1, DType dtype = DType.Float32)
    {
        var (fanIn, fanOut) = Fans("glorot_normal", shape);
        return Normal(key, shape, 0, Gain("glorot_normal", gain) * Math.Sqrt(2 / (fanIn + fanOut)), dtype);
    }

    /// <summary>Uniform in ±gain·√(3/fan) (He et al. 2015).</summary>
    /// <exception cref="ArgumentException">The shape has fewer than two axes, or the gain is negative or not finite.</exception>
    public static Tensor HeUniform(RandomKey key, Shape shape, FanMode mode = FanMode.In, double gain = 1, DType dtype = DType.Float32) =>
        Symmetric(key, shape, Gain("he_uniform", gain) * Math.Sqrt(3 / Fan("he_uniform", shape, mode)), dtype);

    /// <summary>Normal with mean 0 and standard deviation gain/√fan (He et al. 2015).</summary>
    /// <exception cref="ArgumentException">The shape has fewer than two axes, or the gain is negative or not finite.</exception>
    public static Tensor HeNormal(RandomKey key, Shape shape, FanMode mode = FanMode.In, double gain = 1, DType dtype = DType.Float32) =>
        Normal(key, shape, 0, Gain("he_normal", gain) / Math.Sqrt(Fan("he_normal", shape, mode)), dtype);

    /// <summary>Uniform in [−bound, bound).</summary>
    internal static Tensor Symmetric(RandomKey key, Shape shape, double bound, DType dtype) => Uniform(key, shape, -bound, bound, dtype);

    private static double Gain(string name, double gain) => Interval.NotNegative.Check(name, "gain", gain);

    private static double Fan(string name, Shape shape, FanMode mode)
    {
        var (fanIn, fanOut) = Fans(name, shape);
        return mode switch
        {
            FanMode.In => fanIn,
            FanMode.Out => fanOut,
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, $"[{name}] mode {mode} is neither In nor Out"),
        };
    }

    private static (double In, double Out) Fans(string name, Shape shape)
    {
        if (shape.Rank < 2) Throw.Argument(name, $"shape {shape} has {shape.Rank} axes, expected at least 2 to count connections");
        var field = 1.0;
        foreach (var size in shape.Sizes[1..^1]) field *= size;
        return (field * shape[-1], field * shape[0]);
    }
}
