using System.Numerics;
using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>yᵢ = e^(xᵢ − m) / Σ e^(xⱼ − m), m = max x, along the last axis.</summary>
internal readonly unsafe struct Softmax : IRowFormula
{
    public static string Name => "softmax";

    public static bool IsReduction => false;

    /// <summary>dst = softmax of x; x may be strided, dst is contiguous and may be x. float32 or float64.</summary>
    /// <remarks>A row with NaN, with +∞ or of −∞ alone is NaN, as in MLX; a −∞ beside finite elements gives 0.</remarks>
    public static void Run(NdArray x, NdArray dst) => Run(x, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run(NdArray x, NdArray dst, SimdWidth width) => RowKernel.Run<Softmax>(x, x, dst, width);

    public static void Invoke<T, V, S>(T* x, T* unused, T* y, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = ReduceLoops<Max, T, V, S>.Row(x, n);
        RowLoops<T, V, S>.Map<ShiftedExp>(x, x, max, y, n);
        var sum = ReduceLoops<Sum, T, V, S>.Row(y, n);
        RowLoops<T, V, S>.Map<Quotient>(y, y, sum, y, n);
    }

    public static void InvokeSideBySide<T, V, S>(V* x, V* unused, V* y, int n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = x[0];
        for (var i = 1; i < n; i++) max = S.Max(max, x[i]);
        var sum = S.Constant(0);
        for (var i = 0; i < n; i++)
        {
            y[i] = VectorMath.Exp<T, V, S>(S.Subtract(x[i], max));
            sum = S.Add(sum, y[i]);
        }
        for (var i = 0; i < n; i++) y[i] = S.Divide(y[i], sum);
    }

    private readonly struct Quotient : IRowTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Divide(a, row);
    }
}

/// <summary>e^(a − row).</summary>
internal readonly struct ShiftedExp : IRowTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
        VectorMath.Exp<T, V, S>(S.Subtract(a, row));
}

/// <summary>The gradient of softmax: dxᵢ = yᵢ·(gᵢ − Σ gⱼyⱼ), along the last axis; 0 where all gⱼ are, whatever y.</summary>
internal readonly unsafe struct SoftmaxGrad : IRowFormula
{
    public static string Name => "softmax_grad";

    public static bool IsReduction => false;

    /// <summary>dst = dx of the cotangent g and the result y of softmax; g and y may be strided, dst is contiguous and may be either.</summary>
    public static void Run(NdArray g, NdArray y, NdArray dst) => Run(g, y, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run(NdArray g, NdArray y, NdArray dst, SimdWidth width) => RowKernel.Run<SoftmaxGrad>(g, y, dst, width);

    public static void Invoke<T, V, S>(T* g, T* y, T* dst, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var dot = RowLoops<T, V, S>.Sum<Dot>(g, y, T.Zero, n);
        if (T.IsNaN(dot) && !new ReadOnlySpan<T>(g, (int)n).ContainsAnyExcept(T.Zero))
        {
            new Span<T>(dst, (int)n).Clear();
            return;
        }
        RowLoops<T, V, S>.Map<Term>(g, y, dot, dst, n);
    }

    public static void InvokeSideBySide<T, V, S>(V* g, V* y, V* dst, int n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var dot = S.Constant(0);
        for (var i = 0; i < n; i++) dot = S.Add(dot, S.Multiply(g[i], y[i]));
        if (!S.Any(Mask.Not<T, V, S>(S.Equal(dot, dot))))
        {
            for (var i = 0; i < n; i++) dst[i] = S.Multiply(y[i], S.Subtract(g[i], dot));
            return;
        }
        var isZero = S.Equal(g[0], S.Constant(0));
        for (var i = 1; i < n; i++) isZero = S.And(isZero, S.Equal(g[i], S.Constant(0)));
        for (var i = 0; i < n; i++) dst[i] = S.AndNot(S.Multiply(y[i], S.Subtract(g[i], dot)), isZero);
    }

    private readonly struct Dot : IRowTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Multiply(a, b);
    }

    private readonly struct Term : IRowTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V> =>
            S.Multiply(b, S.Subtract(a, row));
    }
}
