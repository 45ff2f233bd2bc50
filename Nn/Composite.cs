namespace ManagedFed.Nn;

/// <summary>How a function of several operations calculates with halves: widen, calculate, round once.</summary>
/// <remarks>
/// Losses, norms and scores square and sum, which in float32 could leave its range for a bfloat16 argument though a mean or a root
/// brings the result back. So value and gradient of halves are those of float64, rounded once.
/// </remarks>
internal static class Composite
{
    /// <summary>The type that functions of this type calculate in.</summary>
    public static DType Type(DType dtype) => dtype.IsHalf() ? DType.Float64 : dtype;

    /// <summary>f(x), in x's type for halves.</summary>
    public static Tensor Of(Tensor x, Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.InWide(f, DType.Float64);
    }

    /// <summary>f(x…), in the type of all of them together for halves.</summary>
    public static Tensor Of(Func<Tensor[], Tensor> f, params Tensor[] x) => Tensor.InWide(x, f, DType.Float64);

    /// <summary>x·factor, with 0 where the factor is 0 though x is infinite: the limit of a part that does not count.</summary>
    public static Tensor Weighed(Tensor x, Tensor factor) =>
        Tensor.Where((factor == 0) & x.IsInfinity(), Tensor.Scalar(0, x.DType), x) * factor;
}
