using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>
/// Tiles of 12 rows by two vectors for machines with 32 vector registers: 24 sums, 2 of B, 1 element of A in every lane.
/// </summary>
/// <remarks>With 512-bit vectors this is the AVX-512 kernel, 12×32 float and 12×16 double. Fewer rows go by sixes and fours.</remarks>
internal readonly unsafe struct TwelveRowKernel<T, V, S> : IGemmKernel<T>
    where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
{
    public static int MR => 12;

    public static int NR => 2 * S.Width;

    public static bool ReadsStridedA => true;

    public static int Rows(nint left) => left >= 12 ? 12 : SixRowKernel<T, V, S>.Rows(left);

    public static void Tile<TEpilogue>(
        int rows, nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        if (rows == 12) Twelve(depth, a, rsa, csa, b, rsb, c, rsc, accumulate, epilogue, row, column);
        else SixRowKernel<T, V, S>.Tile(rows, depth, a, rsa, csa, b, rsb, c, rsc, accumulate, epilogue, row, column);
    }

    private static void Twelve<TEpilogue>(
        nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51,
            c60, c61, c70, c71, c80, c81, c90, c91, ca0, ca1, cb0, cb1;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = default;
        c60 = c61 = c70 = c71 = c80 = c81 = c90 = c91 = ca0 = ca1 = cb0 = cb1 = default;
        T* a3 = a + 3 * rsa, a6 = a + 6 * rsa, a9 = a + 9 * rsa;
        for (; depth > 0; depth--)
        {
            var b0 = S.Load(b);
            var b1 = S.Load(b + S.Width);
            var x = S.Splat(a[0]);
            c00 = TileMath.MultiplyAdd<T, V, S>(x, b0, c00);
            c01 = TileMath.MultiplyAdd<T, V, S>(x, b1, c01);
            x = S.Splat(a[rsa]);
            c10 = TileMath.MultiplyAdd<T, V, S>(x, b0, c10);
            c11 = TileMath.MultiplyAdd<T, V, S>(x, b1, c11);
            x = S.Splat(a[2 * rsa]);
            c20 = TileMath.MultiplyAdd<T, V, S>(x, b0, c20);
            c21 = TileMath.MultiplyAdd<T, V, S>(x, b1, c21);
            x = S.Splat(a3[0]);
            c30 = TileMath.MultiplyAdd<T, V, S>(x, b0, c30);
            c31 = TileMath.MultiplyAdd<T, V, S>(x, b1, c31);
            x = S.Splat(a3[rsa]);
            c40 = TileMath.MultiplyAdd<T, V, S>(x, b0, c40);
            c41 = TileMath.MultiplyAdd<T, V, S>(x, b1, c41);
            x = S.Splat(a3[2 * rsa]);
            c50 = TileMath.MultiplyAdd<T, V, S>(x, b0, c50);
            c51 = TileMath.MultiplyAdd<T, V, S>(x, b1, c51);
            x = S.Splat(a6[0]);
            c60 = TileMath.MultiplyAdd<T, V, S>(x, b0, c60);
            c61 = TileMath.MultiplyAdd<T, V, S>(x, b1, c61);
            x = S.Splat(a6[rsa]);
            c70 = TileMath.MultiplyAdd<T, V, S>(x, b0, c70);
            c71 = TileMath.MultiplyAdd<T, V, S>(x, b1, c71);
            x = S.Splat(a6[2 * rsa]);
            c80 = TileMath.MultiplyAdd<T, V, S>(x, b0, c80);
            c81 = TileMath.MultiplyAdd<T, V, S>(x, b1, c81);
            x = S.Splat(a9[0]);
            c90 = TileMath.MultiplyAdd<T, V, S>(x, b0, c90);
            c91 = TileMath.MultiplyAdd<T, V, S>(x, b1, c91);
            x = S.Splat(a9[rsa]);
            ca0 = TileMath.MultiplyAdd<T, V, S>(x, b0, ca0);
            ca1 = TileMath.MultiplyAdd<T, V, S>(x, b1, ca1);
            x = S.Splat(a9[2 * rsa]);
            cb0 = TileMath.MultiplyAdd<T, V, S>(x, b0, cb0);
            cb1 = TileMath.MultiplyAdd<T, V, S>(x, b1, cb1);
            a += csa;
            a3 += csa;
            a6 += csa;
            a9 += csa;
            b += rsb;
        }
        TileMath.StoreRow<T, V, S, TEpilogue>(c, c00, c01, accumulate, epilogue, row, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + rsc, c10, c11, accumulate, epilogue, row + 1, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 2 * rsc, c20, c21, accumulate, epilogue, row + 2, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 3 * rsc, c30, c31, accumulate, epilogue, row + 3, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 4 * rsc, c40, c41, accumulate, epilogue, row + 4, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 5 * rsc, c50, c51, accumulate, epilogue, row + 5, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 6 * rsc, c60, c61, accumulate, epilogue, row + 6, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 7 * rsc, c70, c71, accumulate, epilogue, row + 7, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 8 * rsc, c80, c81, accumulate, epilogue, row + 8, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 9 * rsc, c90, c91, accumulate, epilogue, row + 9, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 10 * rsc, ca0, ca1, accumulate, epilogue, row + 10, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 11 * rsc, cb0, cb1, accumulate, epilogue, row + 11, column);
    }
}
