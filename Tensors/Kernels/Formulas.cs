using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>The families of element types a formula is defined for.</summary>
[Flags]
internal enum ElementTypes
{
    Floats = 1,
    Integers = 2,
    Bool = 4,
    Numbers = Floats | Integers,
    All = Numbers | Bool,
}

/// <summary>What every elementwise formula says about itself; its <c>Invoke</c> is written over a lane witness.</summary>
internal interface IFormula
{
    static virtual ElementTypes Types => ElementTypes.Floats;

    /// <summary>True when one element costs so much that even short arrays are worth several threads.</summary>
    static virtual bool IsCostly => false;
}

/// <summary>y = f(x).</summary>
internal interface IUnary : IFormula
{
    static abstract V Invoke<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>y = f(a, b).</summary>
internal interface IBinary : IFormula
{
    static abstract V Invoke<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>A mask from x.</summary>
internal interface IPredicate : IFormula
{
    static abstract V Invoke<T, V, S>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>A mask from a and b.</summary>
internal interface IRelation : IFormula
{
    static abstract V Invoke<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}
