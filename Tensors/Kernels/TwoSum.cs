using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Sums of doubles that keep what rounding loses: the steps an exact sum takes over some elements, which fit the first-level cache.</summary>
/// <remarks>
/// Knuth's TwoSum (The Art of Computer Programming 2, 4.2.2, theorem B): s = fl(a + b), t = fl(s − a), and fl(fl(a − fl(s − t)) + fl(b − t))
/// is exactly a + b − s. Every operation is one of IEEE 754, so results are the same at every vector width.
/// </remarks>
internal static unsafe class TwoSum
{
    /// <summary>Memory for doubles comes in multiples of so many: loops run over whole vectors of it.</summary>
    public const int Granularity = 8;

    /// <summary>The number of doubles to hold for so many elements.</summary>
    public static int Padded(int count) => (count + Granularity - 1) & -Granularity;

    /// <summary>sum[i] ← fl(weight·x[i]), which is exact when the weight has 29 bits or fewer; says whether any is not 0.</summary>
    public static bool Products(ReadOnlySpan<float> x, double weight, Span<double> sum, SimdWidth? width = null) => Run<float, FloatProduct, First>(x, weight, sum, sum, width);

    /// <inheritdoc cref="Products(ReadOnlySpan{float}, double, Span{double}, SimdWidth?)"/>
    public static bool Products(ReadOnlySpan<double> x, double weight, Span<double> sum, SimdWidth? width = null) => Run<double, DoubleProduct, First>(x, weight, sum, sum, width);

    /// <summary>lost[i] ← weight·x[i] − fl(weight·x[i]); says whether any is not 0.</summary>
    public static bool ProductErrors(ReadOnlySpan<double> x, double weight, Span<double> lost, SimdWidth? width = null) =>
        Run<double, DoubleProductError, First>(x, weight, lost, lost, width);

    /// <summary>sum[i] ← fl(sum[i] + fl(weight·x[i])), lost[i] ← what that addition lost; says whether any is not 0.</summary>
    public static bool AddProducts(ReadOnlySpan<float> x, double weight, Span<double> sum, Span<double> lost, SimdWidth? width = null) =>
        Run<float, FloatProduct, Next>(x, weight, sum, lost, width);

    /// <summary>sum[i] ← fl(sum[i] + x[i]), x[i] ← what that lost; says whether any is not 0.</summary>
    public static bool Add(Span<double> sum, Span<double> x, SimdWidth? width = null) => Run<double, Plain, Next>(x, 1, sum, x, width);

    /// <summary>result[i] ← fl(fl(first[i] + second[i]) / divisor) rounded to T, float or double; without a second, first[i] + 0, which leaves no −0.</summary>
    public static void Quotients<T>(ReadOnlySpan<double> first, ReadOnlySpan<double> second, double divisor, Span<T> result, SimdWidth? width = null) where T : unmanaged
    {
        Debug.Assert(first.Length == Padded(result.Length) && (second.IsEmpty || second.Length == first.Length));
        fixed (double* a = first, b = second)
        fixed (T* to = result)
        {
            switch (width ?? SimdLevel.Best)
            {
                case SimdWidth.Bits512: Quotients<T, Vector512<double>, Simd512<double>>(a, b, divisor, to, result.Length); break;
                case SimdWidth.Bits256: Quotients<T, Vector256<double>, Simd256<double>>(a, b, divisor, to, result.Length); break;
                default: Quotients<T, Vector128<double>, Simd128<double>>(a, b, divisor, to, result.Length); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quotients<T, V, S>(double* a, double* b, double divisor, T* result, nint count)
        where T : unmanaged where V : unmanaged where S : ISimd<double, V>
    {
        V d = S.Splat(divisor), zero = default;
        var rest = stackalloc T[Granularity];
        for (nint i = 0; i < count; i += S.Width)
        {
            var whole = i <= count - S.Width;
            var quotient = S.Divide(S.Add(S.Load(a + i), b is null ? zero : S.Load(b + i)), d);
            var to = whole ? result + i : rest;
            if (typeof(T) == typeof(float)) S.StoreSingle((float*)to, quotient);
            else S.Store((double*)to, quotient);
            if (!whole) new Span<T>(rest, (int)(count - i)).CopyTo(new Span<T>(result + i, (int)(count - i)));
        }
    }

    private static bool Run<T, TSummand, TStep>(ReadOnlySpan<T> x, double weight, Span<double> sum, Span<double> lost, SimdWidth? width)
        where T : unmanaged where TSummand : ISummand<T> where TStep : IStep
    {
        var padded = Padded(x.Length);
        Debug.Assert(sum.Length >= padded && lost.Length >= padded);
        fixed (T* from = x)
        fixed (double* s = sum, l = lost)
        {
            return (width ?? SimdLevel.Best) switch
            {
                SimdWidth.Bits512 => Run<T, TSummand, TStep, Vector512<double>, Simd512<double>>(from, weight, s, l, x.Length),
                SimdWidth.Bits256 => Run<T, TSummand, TStep, Vector256<double>, Simd256<double>>(from, weight, s, l, x.Length),
                _ => Run<T, TSummand, TStep, Vector128<double>, Simd128<double>>(from, weight, s, l, x.Length),
            };
        }
    }

    // Called often and for short, so that no loop in it is ever long enough to be replaced while it runs.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Run<T, TSummand, TStep, V, S>(T* x, double weight, double* sum, double* lost, nint count)
        where T : unmanaged where TSummand : ISummand<T> where TStep : IStep where V : unmanaged where S : ISimd<double, V>
    {
        var w = S.Splat(weight);
        V any = default;
        nint i = 0;
        for (; i <= count - S.Width; i += S.Width) any = S.Or(any, TStep.Take<V, S>(TSummand.Load<V, S>(x + i, w), sum + i, lost + i));
        if (i < count)
        {
            var rest = stackalloc T[Granularity];
            new Span<T>(x + i, (int)(count - i)).CopyTo(new Span<T>(rest, Granularity));
            any = S.Or(any, TStep.Take<V, S>(TSummand.Load<V, S>(rest, w), sum + i, lost + i));
        }
        return S.Any(any);
    }

    /// <summary>What is added, of the elements of an array and its weight.</summary>
    private interface ISummand<T> where T : unmanaged
    {
        static abstract V Load<V, S>(T* x, V weight) where V : unmanaged where S : ISimd<double, V>;
    }

    private readonly struct FloatProduct : ISummand<float>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<V, S>(float* x, V weight) where V : unmanaged where S : ISimd<double, V> => S.Multiply(S.LoadSingle(x), weight);
    }

    private readonly struct DoubleProduct : ISummand<double>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<V, S>(double* x, V weight) where V : unmanaged where S : ISimd<double, V> => S.Multiply(S.Load(x), weight);
    }

    private readonly struct DoubleProductError : ISummand<double>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<V, S>(double* x, V weight) where V : unmanaged where S : ISimd<double, V> =>
            S.MultiplyAdd(S.Load(x), weight, S.Negate(S.Multiply(S.Load(x), weight)));
    }

    private readonly struct Plain : ISummand<double>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<V, S>(double* x, V weight) where V : unmanaged where S : ISimd<double, V> => S.Load(x);
    }

    /// <summary>What becomes of a summand; gives what is lost, as bits to be told from 0.</summary>
    private interface IStep
    {
        static abstract V Take<V, S>(V summand, double* sum, double* lost) where V : unmanaged where S : ISimd<double, V>;
    }

    /// <summary>It is the sum.</summary>
    private readonly struct First : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Take<V, S>(V summand, double* sum, double* lost) where V : unmanaged where S : ISimd<double, V>
        {
            S.Store(sum, summand);
            return summand;
        }
    }

    /// <summary>It is added to the sum.</summary>
    private readonly struct Next : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Take<V, S>(V summand, double* sum, double* lost) where V : unmanaged where S : ISimd<double, V>
        {
            var a = S.Load(sum);
            var s = S.Add(a, summand);
            var t = S.Subtract(s, a);
            var error = S.Add(S.Subtract(a, S.Subtract(s, t)), S.Subtract(summand, t));
            S.Store(sum, s);
            S.Store(lost, error);
            return error;
        }
    }
}
