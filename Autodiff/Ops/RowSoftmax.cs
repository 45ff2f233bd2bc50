using System.Runtime.InteropServices;

namespace ManagedFed.Ops;

/// <summary>Softmax and log-sum-exp of rows, element by element.</summary>
internal static class RowSoftmax
{
    public static void Softmax(NdArray x, NdArray y)
    {
        if (x.DType == DType.Float32) Rows<float>(x, y, true); else Rows<double>(x, y, true);
    }

    public static void LogSumExp(NdArray x, NdArray y)
    {
        if (x.DType == DType.Float32) Rows<float>(x, y, false); else Rows<double>(x, y, false);
    }

    private static void Rows<T>(NdArray x, NdArray y, bool normalise) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var source = x.Contiguous();
        var from = MemoryMarshal.Cast<byte, T>(source.Bytes);
        var to = MemoryMarshal.Cast<byte, T>(y.Bytes);
        var n = x.Shape[-1];
        for (var row = 0; row < (n == 0 ? 0 : from.Length / n); row++)
        {
            var values = from.Slice(row * n, n);
            var max = T.NegativeInfinity;
            foreach (var v in values) max = T.Max(max, v);
            var sum = T.Zero;
            foreach (var v in values) sum += T.Exp(v - max);
            if (!normalise) to[row] = T.IsInfinity(max) ? max : max + T.Log(sum);
            else for (var i = 0; i < n; i++) to[row * n + i] = T.Exp(values[i] - max) / sum;
        }
        GC.KeepAlive(source);
        GC.KeepAlive(y);
    }
}
