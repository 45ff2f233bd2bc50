using ManagedFed.Ops;
using F = ManagedFed.Kernels;

namespace ManagedFed;

// Logic takes any type: what is not zero is true. Bitwise operations take integers, and bool, for which they are logic.
public sealed partial class Tensor
{
    /// <summary>Bitwise and of integers; of bool both true.</summary>
    /// <exception cref="ArgumentException">A type is floating.</exception>
    public static Tensor operator &(Tensor a, Tensor b) => Bitwise<F.BitwiseAnd>("bitwise_and", a, b);

    /// <summary>Bitwise or of integers; of bool at least one true.</summary>
    /// <exception cref="ArgumentException">A type is floating.</exception>
    public static Tensor operator |(Tensor a, Tensor b) => Bitwise<F.BitwiseOr>("bitwise_or", a, b);

    /// <summary>Bitwise exclusive or of integers; of bool exactly one true.</summary>
    /// <exception cref="ArgumentException">A type is floating.</exception>
    public static Tensor operator ^(Tensor a, Tensor b) => Bitwise<F.BitwiseXor>("bitwise_xor", a, b);

    /// <summary>Every bit of integers turned over, −x − 1 for signed ones; of bool not true.</summary>
    /// <exception cref="ArgumentException">The type is floating.</exception>
    public static Tensor operator ~(Tensor a)
    {
        ArgumentNullException.ThrowIfNull(a);
        if (a.DType.IsFloating()) Throw.DTypeMismatch("bitwise_invert", a.DType, "an integer type or bool");
        return a.DType == DType.Bool ? !a : Apply(new Invert(), a);
    }

    /// <summary>a·2ᵇ modulo the type's range; 0 for b below 0 or not below the number of bits. Bool is counted as int32.</summary>
    /// <exception cref="ArgumentException">A type is floating.</exception>
    public static Tensor LeftShift(Tensor a, Tensor b) => Bitwise<F.LeftShift>("left_shift", a?.Number()!, b?.Number()!);

    /// <summary>⌊a/2ᵇ⌋; for b below 0 or not below the number of bits 0, or −1 for negative a. Bool is counted as int32.</summary>
    /// <exception cref="ArgumentException">A type is floating.</exception>
    public static Tensor RightShift(Tensor a, Tensor b) => Bitwise<F.RightShift>("right_shift", a?.Number()!, b?.Number()!);

    /// <summary>a·2ᵇ modulo the type's range.</summary>
    public static Tensor operator <<(Tensor a, int b) => LeftShift(a, Weak((long)b, a));

    /// <summary>⌊a/2ᵇ⌋.</summary>
    public static Tensor operator >>(Tensor a, int b) => RightShift(a, Weak((long)b, a));

    /// <summary>Both true (not zero), element by element.</summary>
    public static Tensor LogicalAnd(Tensor a, Tensor b) => Logic<F.LogicalAnd>("logical_and", a, b);

    /// <summary>At least one true (not zero), element by element.</summary>
    public static Tensor LogicalOr(Tensor a, Tensor b) => Logic<F.LogicalOr>("logical_or", a, b);

    /// <summary>Exactly one true (not zero), element by element.</summary>
    public static Tensor LogicalXor(Tensor a, Tensor b) => Logic<F.LogicalXor>("logical_xor", a, b);

    /// <summary>Not true (zero), element by element.</summary>
    public Tensor LogicalNot() => !this;

    /// <summary>True for +∞, element by element.</summary>
    public Tensor IsPosInf() => DType.IsFloating() ? this == double.PositiveInfinity : Zeros(Shape, DType.Bool);

    /// <summary>True for −∞, element by element.</summary>
    public Tensor IsNegInf() => DType.IsFloating() ? this == double.NegativeInfinity : Zeros(Shape, DType.Bool);

    /// <summary>How many elements over the axes are not zero (int32); NaN is not.</summary>
    public Tensor CountNonZero(ReadOnlySpan<int> axes, bool keepDims = false) => Truth().Sum(axes, keepDims);

    /// <summary>How many elements along one axis are not zero.</summary>
    public Tensor CountNonZero(int axis, bool keepDims = false) => CountNonZero([axis], keepDims);

    /// <summary>How many elements are not zero.</summary>
    public Tensor CountNonZero() => CountNonZero([]);

    /// <summary>A scalar bool: the same shape, and all elements equal.</summary>
    /// <param name="a">The first tensor.</param>
    /// <param name="b">The second tensor.</param>
    /// <param name="equalNaN">Whether NaN equals NaN.</param>
    public static Tensor ArrayEqual(Tensor a, Tensor b, bool equalNaN = false)
    {
        (a, b) = Promote(a, b);
        if (a.Shape != b.Shape) return Zeros([], DType.Bool);
        var equal = a == b;
        return (equalNaN ? equal | (a.IsNaN() & b.IsNaN()) : equal).All();
    }

    /// <summary>|a − b| ≤ atol + rtol·|b| element by element with broadcasting; infinities are close to themselves alone.</summary>
    /// <param name="a">The first tensor.</param>
    /// <param name="b">The tensor that the relative tolerance is taken from.</param>
    /// <param name="rtol">The relative tolerance.</param>
    /// <param name="atol">The absolute tolerance.</param>
    /// <param name="equalNaN">Whether NaN is close to NaN.</param>
    public static Tensor IsClose(Tensor a, Tensor b, double rtol = 1e-5, double atol = 1e-8, bool equalNaN = false)
    {
        (a, b) = Promote(a, b);
        var close = InWide(a.Floating(), b.Floating(), (x, y) => ((x - y).Abs() <= y.Abs() * rtol + atol) & y.IsFinite() | (x == y));
        return equalNaN ? close | (a.IsNaN() & b.IsNaN()) : close;
    }

    /// <summary>A scalar bool: all elements close by <see cref="IsClose"/>.</summary>
    public static Tensor AllClose(Tensor a, Tensor b, double rtol = 1e-5, double atol = 1e-8, bool equalNaN = false) => IsClose(a, b, rtol, atol, equalNaN).All();

    private static Tensor Bitwise<TFormula>(string name, Tensor a, Tensor b) where TFormula : struct, F.IBinary
    {
        (a, b) = Promote(a, b);
        if (a.DType.IsFloating()) Throw.DTypeMismatch(name, a.DType, "an integer type or bool; for truth values use LogicalAnd, LogicalOr or LogicalXor");
        return Apply(new IntegerZip<TFormula>(name), a, b);
    }
}
