namespace ManagedFed.Nn;

/// <summary>(x − mean)/√(variance + ε), the step that the normalising layers share.</summary>
internal static class Normalisation
{
    /// <summary>The mean and the biased variance over some axes, which keep size 1.</summary>
    public static (Tensor Mean, Tensor Variance) Statistics(Tensor x, params ReadOnlySpan<int> axes) =>
        (x.Mean(axes, keepDims: true), x.Var(axes, keepDims: true));

    /// <summary>(x − mean)/√(variance + ε).</summary>
    public static Tensor Apply(Tensor x, Tensor mean, Tensor variance, double epsilon) => (x - mean) * (variance + epsilon).Rsqrt();

    /// <summary>Mean 0 and variance 1 over some axes.</summary>
    public static Tensor Over(Tensor x, double epsilon, params ReadOnlySpan<int> axes)
    {
        var (mean, variance) = Statistics(x, axes);
        return Apply(x, mean, variance, epsilon);
    }

    /// <summary>f(x)·scale + shift without what is null, all as one function, which rounds halves once.</summary>
    public static Tensor Affine(Tensor x, Parameter? scale, Parameter? shift, Func<Tensor, Tensor> f)
    {
        Tensor[] given = [x, .. new[] { scale, shift }.OfType<Parameter>().Select(parameter => parameter.Value)];
        return Composite.Of(
            v =>
            {
                var y = f(v[0]);
                if (scale is not null) y *= v[1];
                return shift is null ? y : y + v[^1];
            },
            given);
    }
}
