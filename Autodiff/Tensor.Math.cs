using ManagedFed.Ops;

namespace ManagedFed;

// Functions of one tensor, element by element. Integers become float32 where the result is not an integer.
public sealed partial class Tensor
{
    /// <summary>|x|; the derivative at 0 is 0.</summary>
    public Tensor Abs() => Apply(new Abs(), Number());

    /// <summary>−1, 0 or 1, NaN for NaN; the derivative is 0.</summary>
    public Tensor Sign() => Apply(new Sign(), Number());

    /// <summary>x².</summary>
    public Tensor Square() => Apply(new Square(), Number());

    /// <summary>√x; NaN below 0.</summary>
    public Tensor Sqrt() => Apply(new Sqrt(), Floating());

    /// <summary>1/√x.</summary>
    public Tensor Rsqrt() => Apply(new Rsqrt(), Floating());

    /// <summary>1/x.</summary>
    public Tensor Reciprocal() => Apply(new Reciprocal(), Floating());

    /// <summary>eˣ.</summary>
    public Tensor Exp() => Apply(new Exp(), Floating());

    /// <summary>eˣ − 1, accurate near 0.</summary>
    public Tensor Expm1() => Apply(new Expm1(), Floating());

    /// <summary>The natural logarithm; −∞ at 0, NaN below.</summary>
    public Tensor Log() => Apply(new Log(), Floating());

    /// <summary>log(1 + x), accurate near 0.</summary>
    public Tensor Log1p() => Apply(new Log1p(), Floating());

    /// <summary>The logarithm to base 2.</summary>
    public Tensor Log2() => Apply(new Log2(), Floating());

    /// <summary>The logarithm to base 10.</summary>
    public Tensor Log10() => Apply(new Log10(), Floating());

    /// <summary>sin x, x in radians.</summary>
    public Tensor Sin() => Apply(new Sin(), Floating());

    /// <summary>cos x, x in radians.</summary>
    public Tensor Cos() => Apply(new Cos(), Floating());

    /// <summary>tanh x.</summary>
    public Tensor Tanh() => Apply(new Tanh(), Floating());

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public Tensor Sigmoid() => Apply(new Sigmoid(), Floating());

    /// <summary>The error function 2/√π ∫₀ˣ e^(−t²) dt.</summary>
    public Tensor Erf() => Apply(new Erf(), Floating());

    /// <summary>The inverse of <see cref="Erf"/> on (−1, 1); ±∞ at ±1, NaN outside.</summary>
    public Tensor ErfInv() => Apply(new ErfInv(), Floating());

    /// <summary>max(x, 0); the derivative at 0 is 0.</summary>
    public Tensor Relu() => Apply(new Relu(), Number());

    /// <summary>⌊x⌋; the derivative is 0.</summary>
    public Tensor Floor() => DType.IsFloating() ? Apply(new Floor(), this) : this;

    /// <summary>⌈x⌉; the derivative is 0.</summary>
    public Tensor Ceiling() => DType.IsFloating() ? Apply(new Ceiling(), this) : this;

    /// <summary>The nearest integer, halves to even; the derivative is 0.</summary>
    public Tensor Round() => DType.IsFloating() ? Apply(new Round(), this) : this;

    /// <summary>The value itself, through which no gradient flows.</summary>
    public Tensor StopGradient() => Apply(new StopGradient(), this);
}
