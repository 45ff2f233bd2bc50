using ManagedFed.Ops;

namespace ManagedFed;

// Angles are in radians. Integers become float32. Within 4 units of the last place.
public sealed partial class Tensor
{
    /// <summary>tan x.</summary>
    public Tensor Tan() => Apply(new Tan(), Floating());

    /// <summary>sinh x = (eˣ − e⁻ˣ)/2.</summary>
    public Tensor Sinh() => Apply(new Sinh(), Floating());

    /// <summary>cosh x = (eˣ + e⁻ˣ)/2.</summary>
    public Tensor Cosh() => Apply(new Cosh(), Floating());

    /// <summary>The angle in [−π/2, π/2] whose sine is x; NaN outside −1 … 1.</summary>
    public Tensor ArcSin() => Apply(new ArcSin(), Floating());

    /// <summary>The angle in [0, π] whose cosine is x; NaN outside −1 … 1.</summary>
    public Tensor ArcCos() => Apply(new ArcCos(), Floating());

    /// <summary>The angle in [−π/2, π/2] whose tangent is x.</summary>
    public Tensor ArcTan() => Apply(new ArcTan(), Floating());

    /// <summary>The angle in [−π, π] of the point (x, y), by IEEE 754 also where both are 0 or infinite; the gradient at (0, 0) is NaN.</summary>
    public static Tensor ArcTan2(Tensor y, Tensor x)
    {
        (y, x) = Promote(y, x);
        return Apply(new ArcTan2(), y.Floating(), x.Floating());
    }

    /// <summary>The number whose sinh is x.</summary>
    public Tensor ArcSinh() => Apply(new ArcSinh(), Floating());

    /// <summary>The number ≥ 0 whose cosh is x; NaN below 1.</summary>
    public Tensor ArcCosh() => Apply(new ArcCosh(), Floating());

    /// <summary>The number whose tanh is x; ±∞ at ±1, NaN outside.</summary>
    public Tensor ArcTanh() => Apply(new ArcTanh(), Floating());

    /// <summary>Radians as degrees: x·180/π.</summary>
    public Tensor Degrees() => Floating().InWide(static x => x * (180 / Math.PI));

    /// <summary>Degrees as radians: x·π/180.</summary>
    public Tensor Radians() => Floating().InWide(static x => x * (Math.PI / 180));
}
