using System.Runtime.CompilerServices;
using ManagedFed.Ops;
using F = ManagedFed.Kernels;

namespace ManagedFed;

public sealed partial class Tensor
{
    /// <summary>a + b with broadcasting; or for bool.</summary>
    public static Tensor operator +(Tensor a, Tensor b) => Numeric(new Add(), a, b);

    /// <summary>a − b with broadcasting.</summary>
    public static Tensor operator -(Tensor a, Tensor b) => Numeric(new Subtract(), a, b);

    /// <summary>a · b element by element with broadcasting.</summary>
    public static Tensor operator *(Tensor a, Tensor b) => Numeric(new Multiply(), a, b);

    /// <summary>a / b element by element; integers give float32.</summary>
    public static Tensor operator /(Tensor a, Tensor b)
    {
        (a, b) = Promote(a, b);
        return Apply(new Divide(), a.Floating(), b.Floating());
    }

    /// <summary>a − ⌊a / b⌋ · b: 0, or of b's sign; −7 by 2 gives 1, 7 by −2 gives −1.</summary>
    /// <remarks>
    /// What <see cref="FloorDivide"/> leaves, as in NumPy. By zero, integers give 0 and floats NaN; so do infinite a and NaN in
    /// either. For infinite b it is a, or b where the signs differ.
    /// </remarks>
    public static Tensor operator %(Tensor a, Tensor b) => Numeric(new Remainder(), a, b);

    /// <summary>−a.</summary>
    public static Tensor operator -(Tensor a) => Apply(new Negative(), a.Number());

    /// <summary>a + b for a C# integer.</summary>
    public static Tensor operator +(Tensor a, long b) => a + Weak(b, a);

    /// <summary>a + b for a C# fraction.</summary>
    public static Tensor operator +(Tensor a, double b) => a + Weak(b, a);

    /// <summary>a + b for a C# integer.</summary>
    public static Tensor operator +(long a, Tensor b) => Weak(a, b) + b;

    /// <summary>a + b for a C# fraction.</summary>
    public static Tensor operator +(double a, Tensor b) => Weak(a, b) + b;

    /// <summary>a − b for a C# integer.</summary>
    public static Tensor operator -(Tensor a, long b) => a - Weak(b, a);

    /// <summary>a − b for a C# fraction.</summary>
    public static Tensor operator -(Tensor a, double b) => a - Weak(b, a);

    /// <summary>a − b for a C# integer.</summary>
    public static Tensor operator -(long a, Tensor b) => Weak(a, b) - b;

    /// <summary>a − b for a C# fraction.</summary>
    public static Tensor operator -(double a, Tensor b) => Weak(a, b) - b;

    /// <summary>a · b for a C# integer.</summary>
    public static Tensor operator *(Tensor a, long b) => a * Weak(b, a);

    /// <summary>a · b for a C# fraction.</summary>
    public static Tensor operator *(Tensor a, double b) => a * Weak(b, a);

    /// <summary>a · b for a C# integer.</summary>
    public static Tensor operator *(long a, Tensor b) => Weak(a, b) * b;

    /// <summary>a · b for a C# fraction.</summary>
    public static Tensor operator *(double a, Tensor b) => Weak(a, b) * b;

    /// <summary>a / b for a C# integer.</summary>
    public static Tensor operator /(Tensor a, long b) => a / Weak(b, a);

    /// <summary>a / b for a C# fraction.</summary>
    public static Tensor operator /(Tensor a, double b) => a / Weak(b, a);

    /// <summary>a / b for a C# integer.</summary>
    public static Tensor operator /(long a, Tensor b) => Weak(a, b) / b;

    /// <summary>a / b for a C# fraction.</summary>
    public static Tensor operator /(double a, Tensor b) => Weak(a, b) / b;

    /// <summary>The remainder for a C# integer; the sign follows b.</summary>
    public static Tensor operator %(Tensor a, long b) => a % Weak(b, a);

    /// <summary>The remainder for a C# fraction; the sign follows b.</summary>
    public static Tensor operator %(Tensor a, double b) => a % Weak(b, a);

    /// <summary>The remainder of a C# integer; the sign follows b.</summary>
    public static Tensor operator %(long a, Tensor b) => Weak(a, b) % b;

    /// <summary>The remainder of a C# fraction; the sign follows b.</summary>
    public static Tensor operator %(double a, Tensor b) => Weak(a, b) % b;

    /// <summary>a equals b, element by element; NaN equals nothing.</summary>
    public static Tensor operator ==(Tensor a, Tensor b) => Comparison<F.Equal>("equal", a, b);

    /// <summary>a differs from b, element by element.</summary>
    public static Tensor operator !=(Tensor a, Tensor b) => Comparison<F.NotEqual>("not_equal", a, b);

    /// <summary>a &lt; b, element by element.</summary>
    public static Tensor operator <(Tensor a, Tensor b) => Comparison<F.Less>("less", a, b);

    /// <summary>a ≤ b, element by element.</summary>
    public static Tensor operator <=(Tensor a, Tensor b) => Comparison<F.LessEqual>("less_equal", a, b);

    /// <summary>a &gt; b, element by element.</summary>
    public static Tensor operator >(Tensor a, Tensor b) => Comparison<F.Less>("less", b, a);

    /// <summary>a ≥ b, element by element.</summary>
    public static Tensor operator >=(Tensor a, Tensor b) => Comparison<F.LessEqual>("less_equal", b, a);

    /// <summary>a equals the number b.</summary>
    public static Tensor operator ==(Tensor a, double b) => a == Weak(b, a);

    /// <summary>a differs from the number b.</summary>
    public static Tensor operator !=(Tensor a, double b) => a != Weak(b, a);

    /// <summary>a &lt; b for a number b.</summary>
    public static Tensor operator <(Tensor a, double b) => a < Weak(b, a);

    /// <summary>a ≤ b for a number b.</summary>
    public static Tensor operator <=(Tensor a, double b) => a <= Weak(b, a);

    /// <summary>a &gt; b for a number b.</summary>
    public static Tensor operator >(Tensor a, double b) => a > Weak(b, a);

    /// <summary>a ≥ b for a number b.</summary>
    public static Tensor operator >=(Tensor a, double b) => a >= Weak(b, a);

    /// <summary>Not true, element by element.</summary>
    public static Tensor operator !(Tensor a) => Apply(new TestOp<F.LogicalNot>("logical_not"), a.Truth());

    /// <summary>⌊a / b⌋, of the exact quotient, for floats and integers as in NumPy: −7 by 2 gives −4; a = (a // b)·b + a % b.</summary>
    /// <remarks>
    /// MLX divides integers toward zero (−3), so that its // and % do not fit together. By zero, integers give 0 and floats ±∞, or
    /// NaN for 0 by 0; NaN in either and infinite a give NaN. By ±∞ a finite a gives 0, or −1 where the signs differ. The smallest
    /// integer by −1 is itself.
    /// </remarks>
    public Tensor FloorDivide(Tensor b) => Numeric(new FloorDivide(), this, b);

    /// <summary>thisᵇ element by element; integers give float32.</summary>
    public Tensor Power(Tensor b)
    {
        var (a, exponent) = Promote(this, b);
        return Apply(new Power(), a.Floating(), exponent.Floating());
    }

    /// <summary>thisᵇ element by element.</summary>
    public Tensor Power(double b) => b == 2 ? Floating().Square() : Power(Weak(b, Floating()));

    /// <summary>The larger of a and b, NaN if either is; a tie of two tensors shares the gradient equally, as in PyTorch and JAX (MLX gives all of it to b).</summary>
    public static Tensor Maximum(Tensor a, Tensor b) => Numeric(new Maximum(), a, b);

    /// <summary>The larger of a and the number b, as of MLX's maximum: at a tie the gradient is 0, so that Maximum(x, 0) is <see cref="Relu"/>.</summary>
    public static Tensor Maximum(Tensor a, double b) => Numeric(new Maximum(OfNumber: true), a, Weak(b, a));

    /// <summary>The smaller of a and b, NaN if either is; a tie of two tensors shares the gradient equally.</summary>
    public static Tensor Minimum(Tensor a, Tensor b) => Numeric(new Minimum(), a, b);

    /// <summary>The smaller of a and the number b; at a tie the gradient is 0, as of <see cref="Maximum(Tensor, double)"/>.</summary>
    public static Tensor Minimum(Tensor a, double b) => Numeric(new Minimum(OfNumber: true), a, Weak(b, a));

    /// <summary>log(eᵃ + eᵇ) without overflow.</summary>
    public static Tensor LogAddExp(Tensor a, Tensor b)
    {
        (a, b) = Promote(a, b);
        return Apply(new LogAddExp(), a.Floating(), b.Floating());
    }

    /// <summary>min(max(x, low), high); the gradient is 1 in [low, high], its ends included, and 0 outside.</summary>
    /// <exception cref="ArgumentException">low is greater than high.</exception>
    public Tensor Clip(double low, double high)
    {
        if (low > high) Throw.Argument("clip", $"low {low} is greater than high {high}");
        var inside = (this >= low) & (this <= high);
        return Where(inside, this, Minimum(Maximum(this, low), high).StopGradient());
    }

    /// <summary>condition ? a : b, element by element with broadcasting.</summary>
    public static Tensor Where(Tensor condition, Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(condition);
        (a, b) = Promote(a, b);
        return Apply(new SelectOp(), condition.Truth(), a, b);
    }

    /// <summary>The same values as another type; a no-op for the present one.</summary>
    public Tensor AsType(DType dtype) => dtype == DType ? this : Apply(new Cast(dtype), this);

    /// <summary>True for NaN, element by element.</summary>
    public Tensor IsNaN() => DType.IsFloating() ? Apply(new TestOp<F.IsNaN>("isnan"), this) : Zeros(Shape, DType.Bool);

    /// <summary>True for +∞ and −∞, element by element.</summary>
    public Tensor IsInfinity() => DType.IsFloating() ? Apply(new TestOp<F.IsInf>("isinf"), this) : Zeros(Shape, DType.Bool);

    /// <summary>True for all but NaN and ±∞, element by element.</summary>
    public Tensor IsFinite() => DType.IsFloating() ? Apply(new TestOp<F.IsFinite>("isfinite"), this) : Ones(Shape, DType.Bool);

    /// <summary>True when both are the same object; compare values with ==.</summary>
    public override bool Equals(object? obj) => ReferenceEquals(this, obj);

    /// <inheritdoc/>
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);

    /// <summary>A C# number as a scalar of the tensor's type, or float32 where a fraction meets integers.</summary>
    private static Tensor Weak(double value, Tensor other) => Scalar(value, other.DType.IsFloating() ? other.DType : DType.Float32);

    private static Tensor Weak(long value, Tensor other)
    {
        if (other.DType.IsFloating()) return Scalar(value, other.DType);
        return From<long>([value], []).AsType(other.DType == DType.Bool ? DType.Int32 : other.DType);
    }

    private static (Tensor A, Tensor B) Promote(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.DType == b.DType) return (a, b);
        var dtype = DTypes.Promote(a.DType, b.DType);
        return (a.AsType(dtype), b.AsType(dtype));
    }

    /// <summary>An operation of two tensors, for rules for derivatives.</summary>
    internal static Tensor Zip(Graph.Op op, Tensor a, Tensor b)
    {
        (a, b) = Promote(a, b);
        return Apply(op, a, b);
    }

    private static Tensor Numeric(Graph.Op op, Tensor a, Tensor b)
    {
        (a, b) = Promote(a, b);
        return Apply(op, a.Number(), b.Number());
    }

    private static Tensor Logic<TFormula>(string name, Tensor a, Tensor b) where TFormula : struct, F.IRelation =>
        Apply(new CompareOp<TFormula>(name), a.Truth(), b.Truth());

    private static Tensor Comparison<TFormula>(string name, Tensor a, Tensor b) where TFormula : struct, F.IRelation
    {
        (a, b) = Promote(a, b);
        return Apply(new CompareOp<TFormula>(name), a, b);
    }

    /// <summary>This tensor as something to calculate with: bool becomes int32.</summary>
    private Tensor Number() => DType == DType.Bool ? AsType(DType.Int32) : this;

    /// <summary>This tensor as float32 unless it is floating already.</summary>
    private Tensor Floating() => DType.IsFloating() ? this : AsType(DType.Float32);

    /// <summary>This tensor as bool: non-zero is true.</summary>
    private Tensor Truth() => AsType(DType.Bool);
}
