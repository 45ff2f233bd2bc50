using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>
/// Tiles of 8 rows by three vectors for ARM64, 8×12 float and 8×6 double: 24 sums in 32 registers. Columns of A are loaded as
/// vectors and multiplied by element, which spares the broadcasts that would take every fourth instruction.
/// </summary>
internal readonly unsafe struct AdvSimdKernel<T> : IGemmKernel<T> where T : unmanaged
{
    public static int MR => 8;

    public static int NR => 3 * Vector128<T>.Count;

    public static bool ReadsStridedA => false;

    public static int Rows(nint left) => 8;

    public static void Tile<TEpilogue>(
        int rows, nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        Vector128<T> c00, c01, c02, c10, c11, c12, c20, c21, c22, c30, c31, c32,
            c40, c41, c42, c50, c51, c52, c60, c61, c62, c70, c71, c72;
        c00 = c01 = c02 = c10 = c11 = c12 = c20 = c21 = c22 = c30 = c31 = c32 = default;
        c40 = c41 = c42 = c50 = c51 = c52 = c60 = c61 = c62 = c70 = c71 = c72 = default;
        var width = Vector128<T>.Count;
        for (; depth > 0; depth--)
        {
            var b0 = *(Vector128<T>*)b;
            var b1 = *(Vector128<T>*)(b + width);
            var b2 = *(Vector128<T>*)(b + 2 * width);
            if (typeof(T) == typeof(float))
            {
                var x = *(Vector128<T>*)a;
                c00 = Single(c00, b0, x, 0);
                c01 = Single(c01, b1, x, 0);
                c02 = Single(c02, b2, x, 0);
                c10 = Single(c10, b0, x, 1);
                c11 = Single(c11, b1, x, 1);
                c12 = Single(c12, b2, x, 1);
                c20 = Single(c20, b0, x, 2);
                c21 = Single(c21, b1, x, 2);
                c22 = Single(c22, b2, x, 2);
                c30 = Single(c30, b0, x, 3);
                c31 = Single(c31, b1, x, 3);
                c32 = Single(c32, b2, x, 3);
                x = *(Vector128<T>*)(a + 4);
                c40 = Single(c40, b0, x, 0);
                c41 = Single(c41, b1, x, 0);
                c42 = Single(c42, b2, x, 0);
                c50 = Single(c50, b0, x, 1);
                c51 = Single(c51, b1, x, 1);
                c52 = Single(c52, b2, x, 1);
                c60 = Single(c60, b0, x, 2);
                c61 = Single(c61, b1, x, 2);
                c62 = Single(c62, b2, x, 2);
                c70 = Single(c70, b0, x, 3);
                c71 = Single(c71, b1, x, 3);
                c72 = Single(c72, b2, x, 3);
            }
            else
            {
                var x = *(Vector128<T>*)a;
                c00 = Double(c00, b0, x, 0);
                c01 = Double(c01, b1, x, 0);
                c02 = Double(c02, b2, x, 0);
                c10 = Double(c10, b0, x, 1);
                c11 = Double(c11, b1, x, 1);
                c12 = Double(c12, b2, x, 1);
                x = *(Vector128<T>*)(a + 2);
                c20 = Double(c20, b0, x, 0);
                c21 = Double(c21, b1, x, 0);
                c22 = Double(c22, b2, x, 0);
                c30 = Double(c30, b0, x, 1);
                c31 = Double(c31, b1, x, 1);
                c32 = Double(c32, b2, x, 1);
                x = *(Vector128<T>*)(a + 4);
                c40 = Double(c40, b0, x, 0);
                c41 = Double(c41, b1, x, 0);
                c42 = Double(c42, b2, x, 0);
                c50 = Double(c50, b0, x, 1);
                c51 = Double(c51, b1, x, 1);
                c52 = Double(c52, b2, x, 1);
                x = *(Vector128<T>*)(a + 6);
                c60 = Double(c60, b0, x, 0);
                c61 = Double(c61, b1, x, 0);
                c62 = Double(c62, b2, x, 0);
                c70 = Double(c70, b0, x, 1);
                c71 = Double(c71, b1, x, 1);
                c72 = Double(c72, b2, x, 1);
            }
            a += csa;
            b += rsb;
        }
        StoreRow(c, c00, c01, c02, accumulate, epilogue, row, column);
        StoreRow(c + rsc, c10, c11, c12, accumulate, epilogue, row + 1, column);
        StoreRow(c + 2 * rsc, c20, c21, c22, accumulate, epilogue, row + 2, column);
        StoreRow(c + 3 * rsc, c30, c31, c32, accumulate, epilogue, row + 3, column);
        StoreRow(c + 4 * rsc, c40, c41, c42, accumulate, epilogue, row + 4, column);
        StoreRow(c + 5 * rsc, c50, c51, c52, accumulate, epilogue, row + 5, column);
        StoreRow(c + 6 * rsc, c60, c61, c62, accumulate, epilogue, row + 6, column);
        StoreRow(c + 7 * rsc, c70, c71, c72, accumulate, epilogue, row + 7, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Single(Vector128<T> sum, Vector128<T> y, Vector128<T> x, [ConstantExpected(Max = (byte)3)] byte lane) =>
        AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(sum.AsSingle(), y.AsSingle(), x.AsSingle(), lane).As<float, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Double(Vector128<T> sum, Vector128<T> y, Vector128<T> x, [ConstantExpected(Max = (byte)1)] byte lane) =>
        AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(sum.AsDouble(), y.AsDouble(), x.AsDouble(), lane).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TEpilogue>(
        T* c, Vector128<T> sum0, Vector128<T> sum1, Vector128<T> sum2, bool accumulate, TEpilogue epilogue, nint row, nint column)
        where TEpilogue : unmanaged, IEpilogue<T>
    {
        var width = Vector128<T>.Count;
        TileMath.StoreRow<T, Vector128<T>, Simd128<T>, TEpilogue>(c, sum0, sum1, accumulate, epilogue, row, column);
        if (accumulate) sum2 = *(Vector128<T>*)(c + 2 * width) + sum2;
        *(Vector128<T>*)(c + 2 * width) = epilogue.Invoke<Vector128<T>, Simd128<T>>(sum2, row, column + 2 * width, width);
    }
}
