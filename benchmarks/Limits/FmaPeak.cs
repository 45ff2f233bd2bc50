using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Benchmarks.Limits;

/// <summary>The rate of float32 fused multiply-adds that never leave the registers.</summary>
internal static class FmaPeak
{
    private const int Steps = 4096;

    /// <summary>FLOP per second, two for each element of an FMA.</summary>
    public static double Measure(int threads) => SimdLevel.Best switch
    {
        SimdWidth.Bits512 => Rate<Simd512<float>, Vector512<float>>(threads),
        SimdWidth.Bits256 => Rate<Simd256<float>, Vector256<float>>(threads),
        _ => Rate<Simd128<float>, Vector128<float>>(threads),
    };

    // AVX2 has 16 registers; AVX-512 and NEON have 32, and NEON processors with four pipes need 16 accumulators.
    private static double Rate<TSimd, V>(int threads) where TSimd : struct, ISimd<float, V> where V : unmanaged =>
        TSimd.Width == 8
            ? Crew.Rate(threads, 2.0 * Steps * 12 * TSimd.Width, static _ => Twelve<TSimd, V>())
            : Crew.Rate(threads, 2.0 * Steps * 24 * TSimd.Width, static _ => TwentyFour<TSimd, V>());

    // The accumulators are locals: the JIT does not keep vectors within structures in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Twelve<TSimd, V>() where TSimd : struct, ISimd<float, V> where V : unmanaged
    {
        V half = TSimd.Splat(0.5f), one = TSimd.Splat(1);
        V a = one, b = one, c = one, d = one, e = one, f = one, g = one, h = one, i = one, j = one, k = one, l = one;
        for (var step = 0; step < Steps; step++)
        {
            a = TSimd.MultiplyAdd(a, half, one);
            b = TSimd.MultiplyAdd(b, half, one);
            c = TSimd.MultiplyAdd(c, half, one);
            d = TSimd.MultiplyAdd(d, half, one);
            e = TSimd.MultiplyAdd(e, half, one);
            f = TSimd.MultiplyAdd(f, half, one);
            g = TSimd.MultiplyAdd(g, half, one);
            h = TSimd.MultiplyAdd(h, half, one);
            i = TSimd.MultiplyAdd(i, half, one);
            j = TSimd.MultiplyAdd(j, half, one);
            k = TSimd.MultiplyAdd(k, half, one);
            l = TSimd.MultiplyAdd(l, half, one);
        }
        return TSimd.Sum(TSimd.Add(TSimd.Add(a, b), TSimd.Add(c, d)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(e, f), TSimd.Add(g, h)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(i, j), TSimd.Add(k, l)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float TwentyFour<TSimd, V>() where TSimd : struct, ISimd<float, V> where V : unmanaged
    {
        V half = TSimd.Splat(0.5f), one = TSimd.Splat(1);
        V a = one, b = one, c = one, d = one, e = one, f = one, g = one, h = one, i = one, j = one, k = one, l = one;
        V m = one, n = one, o = one, p = one, q = one, r = one, s = one, t = one, u = one, v = one, w = one, x = one;
        for (var step = 0; step < Steps; step++)
        {
            a = TSimd.MultiplyAdd(a, half, one);
            b = TSimd.MultiplyAdd(b, half, one);
            c = TSimd.MultiplyAdd(c, half, one);
            d = TSimd.MultiplyAdd(d, half, one);
            e = TSimd.MultiplyAdd(e, half, one);
            f = TSimd.MultiplyAdd(f, half, one);
            g = TSimd.MultiplyAdd(g, half, one);
            h = TSimd.MultiplyAdd(h, half, one);
            i = TSimd.MultiplyAdd(i, half, one);
            j = TSimd.MultiplyAdd(j, half, one);
            k = TSimd.MultiplyAdd(k, half, one);
            l = TSimd.MultiplyAdd(l, half, one);
            m = TSimd.MultiplyAdd(m, half, one);
            n = TSimd.MultiplyAdd(n, half, one);
            o = TSimd.MultiplyAdd(o, half, one);
            p = TSimd.MultiplyAdd(p, half, one);
            q = TSimd.MultiplyAdd(q, half, one);
            r = TSimd.MultiplyAdd(r, half, one);
            s = TSimd.MultiplyAdd(s, half, one);
            t = TSimd.MultiplyAdd(t, half, one);
            u = TSimd.MultiplyAdd(u, half, one);
            v = TSimd.MultiplyAdd(v, half, one);
            w = TSimd.MultiplyAdd(w, half, one);
            x = TSimd.MultiplyAdd(x, half, one);
        }
        return TSimd.Sum(TSimd.Add(TSimd.Add(a, b), TSimd.Add(c, d)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(e, f), TSimd.Add(g, h)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(i, j), TSimd.Add(k, l)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(m, n), TSimd.Add(o, p)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(q, r), TSimd.Add(s, t)))
            + TSimd.Sum(TSimd.Add(TSimd.Add(u, v), TSimd.Add(w, x)));
    }
}
