namespace ManagedFed.Nn;

/// <summary>(x − mean)/√(variance + ε), the step that the normalising layers share.</summary>
internal static class Normalisation
{
    /// <summary>The mean and the biased variance over some axes, which keep size 1.</summary>
    public static (Tensor Mean, Tensor Variance) Statistics(Tensor x, params ReadOnlySpan<int> axes) =>
        (Wide(x).Mean(axes, keepDims: true), Wide(x).Var(axes, keepDims: true));

    public static Tensor Apply(Tensor x, Tensor mean, Tensor variance, double epsilon) => Like(x, (Wide(x) - mean) * (Wide(variance) + epsilon).Rsqrt());

    /// <summary>Mean 0 and variance 1 over some axes.</summary>
    public static Tensor Over(Tensor x, double epsilon, params ReadOnlySpan<int> axes)
    {
        var (mean, variance) = Statistics(x, axes);
        return Apply(x, mean, variance, epsilon);
    }

    /// <summary>Halves as float32, in which squares stay in range and ε is not lost; other types as they are.</summary>
    public static Tensor Wide(Tensor x) => x.DType.IsFloating() ? x.AsType(x.DType.Wide()) : x;

    /// <summary>What was calculated from <see cref="Wide"/> x, in x's type.</summary>
    public static Tensor Like(Tensor x, Tensor result) => x.DType.IsFloating() && x.DType.IsNarrow() ? result.AsType(x.DType) : result;

    /// <summary>x·scale + shift, without what is null.</summary>
    public static Tensor Affine(Tensor x, Parameter? scale, Parameter? shift)
    {
        if (scale is not null) x *= scale;
        return shift is null ? x : x + shift;
    }

    public static double CheckEpsilon(string layer, double epsilon)
    {
        if (!(epsilon >= 0 && double.IsFinite(epsilon))) Throw.Argument(layer, $"epsilon {epsilon} is negative or not finite");
        return epsilon;
    }
}
