using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>
/// Tiles of 6 (or 4) rows by two vectors for machines with 16 vector registers: 12 sums, 2 of B, 1 element of A in every lane.
/// </summary>
/// <remarks>
/// With 256-bit vectors this is the AVX2 kernel, 6×16 float and 6×8 double; with 128-bit vectors it runs anywhere. Four rows
/// keep 8 sums in flight, as many as two units of latency 4 need, so both heights run at full speed.
/// </remarks>
internal readonly unsafe struct SixRowKernel<T, V, S> : IGemmKernel<T>
    where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
{
    public static int MR => 6;

    public static int NR => 2 * S.Width;

    public static bool ReadsStridedA => true;

    // Sixes and fours make every even count from 4 on; below 12 only these heights differ from taking a six.
    public static int Rows(nint left) => left is <= 4 or 7 or 8 ? 4 : 6;

    public static void Tile<TEpilogue>(
        int rows, nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        if (rows == 4) Four(depth, a, rsa, csa, b, rsb, c, rsc, accumulate, epilogue, row, column);
        else Six(depth, a, rsa, csa, b, rsb, c, rsc, accumulate, epilogue, row, column);
    }

    private static void Six<TEpilogue>(
        nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = default;
        var a3 = a + 3 * rsa;
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
            a += csa;
            a3 += csa;
            b += rsb;
        }
        TileMath.StoreRow<T, V, S, TEpilogue>(c, c00, c01, accumulate, epilogue, row, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + rsc, c10, c11, accumulate, epilogue, row + 1, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 2 * rsc, c20, c21, accumulate, epilogue, row + 2, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 3 * rsc, c30, c31, accumulate, epilogue, row + 3, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 4 * rsc, c40, c41, accumulate, epilogue, row + 4, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 5 * rsc, c50, c51, accumulate, epilogue, row + 5, column);
    }

    private static void Four<TEpilogue>(
        nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>
    {
        V c00, c01, c10, c11, c20, c21, c30, c31;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = default;
        var a3 = a + 3 * rsa;
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
            a += csa;
            a3 += csa;
            b += rsb;
        }
        TileMath.StoreRow<T, V, S, TEpilogue>(c, c00, c01, accumulate, epilogue, row, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + rsc, c10, c11, accumulate, epilogue, row + 1, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 2 * rsc, c20, c21, accumulate, epilogue, row + 2, column);
        TileMath.StoreRow<T, V, S, TEpilogue>(c + 3 * rsc, c30, c31, accumulate, epilogue, row + 3, column);
    }
}
