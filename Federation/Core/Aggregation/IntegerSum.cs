using System.Numerics;

namespace ManagedFed.Federation;

/// <summary>The exact sum Σ wₖ·xₖ of integer or bool arrays, 128 bits per element, and its mean rounded half to even.</summary>
internal sealed class IntegerSum(long count)
{
    private readonly Int128[] sums = new Int128[count];

    public void Add<T>(ReadOnlySpan<T> values, long weight) where T : unmanaged, IBinaryInteger<T>
    {
        for (var i = 0; i < values.Length; i++) sums[i] += (Int128)weight * Int128.CreateTruncating(values[i]);
    }

    public void Divide<T>(long divisor, Span<T> result) where T : unmanaged, IBinaryInteger<T>
    {
        for (var i = 0; i < result.Length; i++)
        {
            // Floor division, so that 0 ≤ rest < divisor also below zero.
            var (quotient, rest) = Int128.DivRem(sums[i], divisor);
            if (rest < 0) (quotient, rest) = (quotient - 1, rest + divisor);
            var up = rest * 2 > divisor || rest * 2 == divisor && Int128.IsOddInteger(quotient);
            result[i] = T.CreateTruncating(up ? quotient + 1 : quotient);
        }
    }
}
