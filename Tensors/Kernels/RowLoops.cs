using System.Numerics;
using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>A term of a row's formula: two elements and a number that belongs to the row.</summary>
internal interface IRowTerm
{
    static abstract V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>Maps and sums along a dense row, for the kernels that normalise it.</summary>
internal static unsafe class RowLoops<T, V, S> where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
{
    private const int ScratchLength = 2048, LongestVector = 64;

    /// <summary>dst[i] = term(a[i], b[i], row) for at least <c>S.Width</c> elements; dst may be a or b.</summary>
    public static void Map<F>(T* a, T* b, T row, T* dst, nint n) where F : IRowTerm
    {
        var splat = S.Splat(row);
        // The last vector overlaps the one before, so it is computed before anything is stored.
        var back = n - S.Width;
        var last = F.Invoke<T, V, S>(S.Load(a + back), S.Load(b + back), splat);
        for (nint i = 0; i < back; i += S.Width) S.Store(dst + i, F.Invoke<T, V, S>(S.Load(a + i), S.Load(b + i), splat));
        S.Store(dst + back, last);
    }

    /// <summary>Σ term(a[i], b[i], row) over at least <c>S.Width</c> elements.</summary>
    [SkipLocalsInit]
    public static T Sum<F>(T* a, T* b, T row, nint n) where F : IRowTerm
    {
        var scratch = stackalloc T[ScratchLength + LongestVector];
        var sum = T.Zero;
        while (n > 0)
        {
            // A rest shorter than a vector is taken along with the piece before it.
            var count = n < ScratchLength + S.Width ? n : ScratchLength;
            Map<F>(a, b, row, scratch, count);
            sum += ReduceLoops<Sum, T, V, S>.Row(scratch, count);
            a += count;
            b += count;
            n -= count;
        }
        return sum;
    }
}
