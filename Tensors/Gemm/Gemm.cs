using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Matrix products of strided views.</summary>
internal static unsafe class Gemm
{
    /// <summary>dst = a·b (+ bias), for a (…, M, K), b (…, K, N), bias (N,) or null, dst (…, M, N) contiguous.</summary>
    /// <remarks>The leading axes of a and b are those of dst, stretched by stride 0 where need be. float32 and float64.</remarks>
    public static void Run(NdArray a, NdArray b, NdArray? bias, NdArray dst)
    {
        if (dst.DType == DType.Float32) Run<float>(a, b, bias, dst);
        else if (dst.DType == DType.Float64) Run<double>(a, b, bias, dst);
        else Throw.DTypeMismatch("matmul", dst.DType, "float32 or float64");
    }

    private static void Run<T>(NdArray a, NdArray b, NdArray? bias, NdArray dst) where T : unmanaged
    {
        if (bias is null)
        {
            Run<T, Product<T>>(a, b, dst, default);
            return;
        }
        bias = bias.Contiguous();
        Run<T, AddBias<T>>(a, b, dst, new((T*)bias.Pointer));
        GC.KeepAlive(bias);
    }

    /// <summary>dst = f(a·b (+ bias)), element by element.</summary>
    public static void RunThen<TFormula>(NdArray a, NdArray b, NdArray? bias, NdArray dst) where TFormula : IUnary
    {
        if (dst.DType == DType.Float32) RunThen<float, TFormula>(a, b, bias, dst);
        else RunThen<double, TFormula>(a, b, bias, dst);
    }

    private static void RunThen<T, TFormula>(NdArray a, NdArray b, NdArray? bias, NdArray dst) where T : unmanaged where TFormula : IUnary
    {
        if (bias is null)
        {
            Run<T, Then<T, Product<T>, TFormula>>(a, b, dst, default);
            return;
        }
        bias = bias.Contiguous();
        Run<T, Then<T, AddBias<T>, TFormula>>(a, b, dst, new(new((T*)bias.Pointer)));
        GC.KeepAlive(bias);
    }

    /// <summary>dst = f(a·b, other), element by element; other is contiguous, of dst's shape, and not dst's memory.</summary>
    public static void RunThenWith<TFormula>(NdArray a, NdArray b, NdArray other, NdArray dst) where TFormula : IBinary
    {
        Debug.Assert(other.IsContiguous && other.Shape == dst.Shape);
        nint columns = dst.Shape[-1];
        if (dst.DType == DType.Float32) Run<float, ThenWith<float, TFormula>>(a, b, dst, new((float*)other.Pointer, columns));
        else Run<double, ThenWith<double, TFormula>>(a, b, dst, new((double*)other.Pointer, columns));
        GC.KeepAlive(other);
    }

    /// <summary>c = a·b (+ c) (+ bias) on the calling thread, for a (M, K), b (K, N), a bias of N elements or null, and c dense.</summary>
    public static void RunAlone<T>(MatrixView<T> a, MatrixView<T> b, T* bias, T* c, nint m, nint n, nint k, bool accumulate = false) where T : unmanaged
    {
        if (bias is null) RunAlone(a, b, c, m, n, k, accumulate, default(Product<T>));
        else RunAlone(a, b, c, m, n, k, accumulate, new AddBias<T>(bias));
    }

    private static void RunAlone<T, TEpilogue>(MatrixView<T> a, MatrixView<T> b, T* c, nint m, nint n, nint k, bool accumulate, TEpilogue epilogue)
        where T : unmanaged where TEpilogue : unmanaged, IEpilogue<T>
    {
        Run(new GemmProduct<T, TEpilogue>
        {
            A = a,
            B = b,
            C = c,
            M = m,
            N = n,
            K = k,
            Epilogue = epilogue,
            Batch = new() { Count = 1 },
            IsAlone = true,
            Accumulate = accumulate,
        });
    }

    /// <summary>A product by the best kernel of this machine.</summary>
    private static void Run<T, TEpilogue>(in GemmProduct<T, TEpilogue> product) where T : unmanaged where TEpilogue : unmanaged, IEpilogue<T>
    {
        if (AdvSimd.Arm64.IsSupported) Run<T, AdvSimdKernel<T>, TEpilogue>(product);
        // Half a tile of wide vectors would be empty.
        else if (SimdLevel.Best == SimdWidth.Bits512 && product.N <= 2 * Vector256<T>.Count) Run<T, TwelveRowKernel<T, Vector256<T>, Simd256<T>>, TEpilogue>(product);
        else if (SimdLevel.Best == SimdWidth.Bits512) Run<T, TwelveRowKernel<T, Vector512<T>, Simd512<T>>, TEpilogue>(product);
        else if (SimdLevel.Best == SimdWidth.Bits256) Run<T, SixRowKernel<T, Vector256<T>, Simd256<T>>, TEpilogue>(product);
        else Run<T, SixRowKernel<T, Vector128<T>, Simd128<T>>, TEpilogue>(product);
    }

    private static void Run<T, TKernel, TEpilogue>(in GemmProduct<T, TEpilogue> product)
        where T : unmanaged where TKernel : struct, IGemmKernel<T> where TEpilogue : unmanaged, IEpilogue<T>
    {
        new GemmBlocks<T, TKernel, TEpilogue>(product).Run();
    }

    /// <summary>dst = epilogue(a·b) by the best kernel of this machine.</summary>
    public static void Run<T, TEpilogue>(NdArray a, NdArray b, NdArray dst, TEpilogue epilogue)
        where T : unmanaged where TEpilogue : unmanaged, IEpilogue<T>
    {
        Run(Product<T, TEpilogue>(a, b, dst, epilogue));
        KeepAlive(a, b, dst);
    }

    /// <summary>dst = epilogue(a·b) by a chosen kernel.</summary>
    public static void Run<T, TKernel, TEpilogue>(NdArray a, NdArray b, NdArray dst, TEpilogue epilogue)
        where T : unmanaged where TKernel : struct, IGemmKernel<T> where TEpilogue : unmanaged, IEpilogue<T>
    {
        Run<T, TKernel, TEpilogue>(Product<T, TEpilogue>(a, b, dst, epilogue));
        KeepAlive(a, b, dst);
    }

    private static void KeepAlive(NdArray a, NdArray b, NdArray dst)
    {
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(dst);
    }

    /// <summary>The product that reads and writes the arrays' memory, which the caller keeps alive.</summary>
    private static GemmProduct<T, TEpilogue> Product<T, TEpilogue>(NdArray a, NdArray b, NdArray dst, TEpilogue epilogue)
        where T : unmanaged where TEpilogue : unmanaged, IEpilogue<T>
    {
        int rank = dst.Shape.Rank, axes = rank - 2;
        Debug.Assert(a.Shape.Rank == rank && b.Shape.Rank == rank && dst.IsContiguous);
        Debug.Assert(a.Shape[-2] == dst.Shape[-2] && a.Shape[-1] == b.Shape[-2] && b.Shape[-1] == dst.Shape[-1]);

        var batch = new BatchAxes { Count = 1 };
        for (var i = 0; i < axes; i++)
        {
            batch.Sizes[i] = dst.Shape[i];
            batch.StridesA[i] = a.Layout.Strides[i];
            batch.StridesB[i] = b.Layout.Strides[i];
            batch.Count = checked(batch.Count * batch.Sizes[i]);
        }
        nint m = dst.Shape[-2];
        // Matrices that share b and lie below each other in a are one taller matrix.
        while (axes > 0 && batch.StridesB[axes - 1] == 0 && batch.StridesA[axes - 1] == m * a.Layout.Strides[^2])
        {
            axes--;
            m *= batch.Sizes[axes];
            batch.Count = batch.Sizes[axes] == 0 ? 0 : batch.Count / batch.Sizes[axes];
        }
        batch.Rank = axes;
        return new()
        {
            A = new((nint)a.Pointer, a.Layout.Strides[^2], a.Layout.Strides[^1]),
            B = new((nint)b.Pointer, b.Layout.Strides[^2], b.Layout.Strides[^1]),
            C = (T*)dst.Pointer,
            M = m,
            N = dst.Shape[-1],
            K = a.Shape[-1],
            Epilogue = epilogue,
            Batch = batch,
        };
    }
}
