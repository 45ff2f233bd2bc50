namespace ManagedFed.Simd;

/// <summary>
/// A lane witness: the vector operations a formula is written in, once for every width.
/// <typeparamref name="T"/> is the element, <typeparamref name="V"/> the vector of <see cref="Width"/> of them.
/// </summary>
/// <remarks>
/// Comparisons give masks: all bits of a lane set or clear. Loads and stores are unaligned.
/// The remainder of a loop goes through a buffer of one vector, so that every element takes the same
/// instructions wherever it stands and results do not depend on how a loop was split.
/// </remarks>
internal unsafe interface ISimd<T, V> where T : unmanaged where V : unmanaged
{
    static abstract int Width { get; }

    static abstract V Load(T* p);

    static abstract void Store(T* p, V v);

    /// <summary><see cref="Width"/> floats, each as a double; for vectors of doubles alone.</summary>
    static abstract V LoadSingle(float* p);

    /// <summary>Rounds each double to a float; for vectors of doubles alone.</summary>
    static abstract void StoreSingle(float* p, V v);

    static abstract V Splat(T value);

    /// <summary>Every lane the value, rounded (float), exact (double) or truncated (integers).</summary>
    static abstract V Constant(double value);

    /// <summary>A mask from <see cref="Width"/> bools: a lane's bits are set where its byte is not zero.</summary>
    static abstract V LoadMask(byte* p);

    /// <summary>A mask as <see cref="Width"/> bools: 1 where the lane's bits are set, else 0.</summary>
    static abstract void StoreMask(byte* p, V mask);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Divide(V a, V b);

    /// <summary>a·b + c, rounded once for floating types.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The larger, NaN if either is NaN.</summary>
    static abstract V Max(V a, V b);

    /// <summary>The smaller, NaN if either is NaN.</summary>
    static abstract V Min(V a, V b);

    /// <summary>a held between the bounds, NaN where a is NaN; cheaper than <see cref="Max"/> and <see cref="Min"/>.</summary>
    static abstract V Clamp(V a, V low, V high);

    static abstract V Negate(V a);

    static abstract V Abs(V a);

    static abstract V Sqrt(V a);

    static abstract V Floor(V a);

    static abstract V Ceiling(V a);

    /// <summary>Rounds to the nearest integer, halves to even.</summary>
    static abstract V Round(V a);

    static abstract V Equal(V a, V b);

    static abstract V Less(V a, V b);

    static abstract V LessOrEqual(V a, V b);

    /// <summary>Bitwise mask ? a : b.</summary>
    static abstract V Select(V mask, V a, V b);

    static abstract V And(V a, V b);

    static abstract V Or(V a, V b);

    static abstract V Xor(V a, V b);

    /// <summary>a &amp; ~b.</summary>
    static abstract V AndNot(V a, V b);

    /// <summary>True when a lane of the mask is set.</summary>
    static abstract bool Any(V mask);

    /// <summary>a·2ⁿ for integral n in the range of normal exponents (floating types).</summary>
    static abstract V ScaleByPowerOfTwo(V a, V n);

    /// <summary>a·2ⁿ for integral n of at most twice the range of normal exponents, rounded once; a is near 1 (floating types).</summary>
    static abstract V ScaleByAnyPowerOfTwo(V a, V n);

    /// <summary>The unbiased binary exponent of a positive normal number, as a floating value.</summary>
    static abstract V Exponent(V a);

    /// <summary>The significand of a positive normal number, in [1, 2).</summary>
    static abstract V Significand(V a);

    /// <summary>The sum of the lanes, pairwise.</summary>
    static abstract T Sum(V a);

    /// <summary>The largest lane, NaN if any is NaN.</summary>
    static abstract T MaxLane(V a);

    /// <summary>The smallest lane, NaN if any is NaN.</summary>
    static abstract T MinLane(V a);
}
