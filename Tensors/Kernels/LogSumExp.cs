using System.Numerics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>ln Σ e^xᵢ = m + ln Σ e^(xᵢ − m), m = max x, along the last axis.</summary>
internal readonly unsafe struct LogSumExp : IRowFormula
{
    public static string Name => "logsumexp";

    public static bool IsReduction => true;

    /// <summary>dst = one element for every row of x; x may be strided, dst is contiguous. float32 or float64.</summary>
    /// <remarks>A row of −∞ alone gives −∞, one with +∞ gives +∞, one with NaN gives NaN.</remarks>
    /// <exception cref="ArgumentException">The rows are empty.</exception>
    public static void Run(NdArray x, NdArray dst) => Run(x, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run(NdArray x, NdArray dst, SimdWidth width) => RowKernel.Run<LogSumExp>(x, x, dst, width);

    public static void Invoke<T, V, S>(T* x, T* unused, T* result, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = ReduceLoops<Max, T, V, S>.Row(x, n);
        if (!T.IsFinite(max))
        {
            *result = max;
            return;
        }
        var log = VectorMath.Log<T, V, S>(S.Splat(RowLoops<T, V, S>.Sum<ShiftedExp>(x, x, max, n)));
        *result = max + *(T*)&log;
    }

    public static void InvokeSideBySide<T, V, S>(V* x, V* unused, V* result, int n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = x[0];
        for (var i = 1; i < n; i++) max = S.Max(max, x[i]);
        var sum = S.Constant(0);
        for (var i = 0; i < n; i++) sum = S.Add(sum, VectorMath.Exp<T, V, S>(S.Subtract(x[i], max)));

        // max − max is 0 for a finite maximum alone.
        var finite = S.Equal(S.Subtract(max, max), S.Constant(0));
        *result = S.Select(finite, S.Add(max, VectorMath.Log<T, V, S>(sum)), max);
    }
}
