using System.Numerics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>The cross-entropy of rows of scores with one class each, and its gradient, in one pass over the scores.</summary>
internal static unsafe class CrossEntropy
{
    private const string Op = "cross_entropy";

    /// <summary>loss[r] = −log softmax(scores[r])[classes[r]]; loss is contiguous of shape (N,), scores (N, C), classes (N,).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A class lies outside 0 … C−1.</exception>
    public static void Run(NdArray scores, NdArray classes, NdArray loss)
    {
        if (scores.DType == DType.Float32) Run<float>(scores, classes, loss);
        else Run<double>(scores, classes, loss);
    }

    /// <summary>dst[r] = g[r]·(softmax(scores[r]) − e_class): the scores' gradient, 0 where g[r] is, whatever the scores; dst is contiguous.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A class lies outside 0 … C−1.</exception>
    public static void RunGrad(NdArray g, NdArray scores, NdArray classes, NdArray dst)
    {
        if (scores.DType == DType.Float32) RunGrad<float>(g, scores, classes, dst);
        else RunGrad<double>(g, scores, classes, dst);
    }

    private static void Run<T>(NdArray scores, NdArray classes, NdArray loss) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (rows, width) = ((nint)scores.Shape[0], (nint)scores.Shape[1]);
        using var picked = new IndexList(Op, classes, 1, (int)width);
        var dense = Copy.Dense(scores);
        var scratch = BlockPool.Shared.Rent(scores.ByteCount);
        T* x = (T*)dense.Pointer, logs = (T*)scratch.Pointer, to = (T*)loss.Pointer;
        RowKernel.Run<LogSoftmax, T>(x, x, logs, rows, width, SimdLevel.Best);
        for (nint r = 0; r < rows; r++) to[r] = -logs[r * width + (nint)picked.Pointer[r]];
        BlockPool.Shared.Return(scratch);
        dense.Storage.Release();
        GC.KeepAlive(dense);
        GC.KeepAlive(loss);
    }

    private static void RunGrad<T>(NdArray g, NdArray scores, NdArray classes, NdArray dst) where T : unmanaged, INumber<T>
    {
        nint width = scores.Shape[1];
        using var picked = new IndexList(Op, classes, 1, (int)width);
        Softmax.Run(scores, dst);
        var (weights, step) = ((nint)g.Pointer, g.Layout.Strides[0]);
        var row = (T*)dst.Pointer;
        for (nint r = 0; r < picked.Count; r++, row += width)
        {
            var weight = ((T*)weights)[r * step];
            if (T.IsZero(weight))
            {
                new Span<T>(row, (int)width).Clear();
                continue;
            }
            row[picked.Pointer[r]] -= T.One;
            for (nint i = 0; i < width; i++) row[i] *= weight;
        }
        GC.KeepAlive(g);
        GC.KeepAlive(dst);
    }
}
