using System.Numerics;
using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>yᵢ = (xᵢ − m) − ln Σ e^(xⱼ − m), m = max x, along the last axis.</summary>
internal readonly unsafe struct LogSoftmax : IRowFormula
{
    public static string Name => "log_softmax";

    public static bool IsReduction => false;

    /// <summary>dst = log softmax of x; x may be strided, dst is contiguous and may be x. float32 or float64.</summary>
    /// <remarks>A row with NaN, with +∞ or of −∞ alone is NaN; a −∞ beside finite elements stays −∞.</remarks>
    public static void Run(NdArray x, NdArray dst) => Run(x, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run(NdArray x, NdArray dst, SimdWidth width) => RowKernel.Run<LogSoftmax>(x, x, dst, width);

    public static void Invoke<T, V, S>(T* x, T* unused, T* y, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = ReduceLoops<Max, T, V, S>.Row(x, n);
        var log = VectorMath.Log<T, V, S>(S.Splat(RowLoops<T, V, S>.Sum<ShiftedExp>(x, x, max, n)));
        RowLoops<T, V, S>.Map<Difference>(x, x, max, y, n);
        RowLoops<T, V, S>.Map<Difference>(y, y, *(T*)&log, y, n);
    }

    public static void InvokeSideBySide<T, V, S>(V* x, V* unused, V* y, int n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var max = x[0];
        for (var i = 1; i < n; i++) max = S.Max(max, x[i]);
        var sum = S.Constant(0);
        for (var i = 0; i < n; i++)
        {
            y[i] = S.Subtract(x[i], max);
            sum = S.Add(sum, VectorMath.Exp<T, V, S>(y[i]));
        }
        var log = VectorMath.Log<T, V, S>(sum);
        for (var i = 0; i < n; i++) y[i] = S.Subtract(y[i], log);
    }

    private readonly struct Difference : IRowTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Invoke<T, V, S>(V a, V b, V row) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Subtract(a, row);
    }
}
