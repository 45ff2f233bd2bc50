using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>How a total takes one more element in.</summary>
internal interface IJoin
{
    static abstract A Next<A>(A total, A x) where A : unmanaged, INumber<A>;
}

internal readonly struct JoinSum : IJoin
{
    static A IJoin.Next<A>(A total, A x) => total + x;
}

internal readonly struct JoinProduct : IJoin
{
    static A IJoin.Next<A>(A total, A x) => total * x;
}

/// <summary>The larger, NaN if either is NaN.</summary>
internal readonly struct JoinMax : IJoin
{
    static A IJoin.Next<A>(A total, A x) => A.Max(total, x);
}

/// <summary>The smaller, NaN if either is NaN.</summary>
internal readonly struct JoinMin : IJoin
{
    static A IJoin.Next<A>(A total, A x) => A.Min(total, x);
}

/// <summary>ln(eᵃ + eᵇ): the larger plus ln(1 + e^(−distance)).</summary>
internal readonly struct JoinLogSumExp : IJoin
{
    static A IJoin.Next<A>(A total, A x)
    {
        var (a, b) = (double.CreateTruncating(total), double.CreateTruncating(x));
        var larger = Math.Max(a, b);

        // Equal infinities have no distance.
        return double.IsFinite(larger) ? A.CreateTruncating(larger + double.LogP1(Math.Exp(-Math.Abs(a - b)))) : A.CreateTruncating(larger);
    }
}

/// <summary>For floats.</summary>
internal readonly struct JoinQuotient : IJoin
{
    static A IJoin.Next<A>(A total, A x) => total / x;
}

internal readonly struct JoinLast : IJoin
{
    static A IJoin.Next<A>(A total, A x) => x;
}
