using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>y = M·x, the product whose one side is a vector: bound by reading M once, so it goes along M's memory.</summary>
internal static unsafe class MatVec
{
    /// <summary>Sums kept on the stack before the epilogue takes them.</summary>
    private const int Chunk = 512;

    /// <summary>
    /// dst = epilogue(Σₖ M[i, k]·x[k]) for i &lt; rows; one of M's strides is 1, x and dst are contiguous.
    /// </summary>
    /// <param name="matrix">M, rows × depth.</param>
    /// <param name="x">The vector, of depth elements.</param>
    /// <param name="dst">The result, of rows elements.</param>
    /// <param name="rows">The number of sums.</param>
    /// <param name="depth">The number of terms in each, at least 0.</param>
    /// <param name="down">True when dst is a column (N = 1), false when it is a row (M = 1).</param>
    /// <param name="epilogue">Applied to each sum before it is stored.</param>
    /// <param name="row">The first element's row as the epilogue counts them.</param>
    /// <param name="column">The first element's column as the epilogue counts them.</param>
    public static void Run<T, V, S, TEpilogue>(
        MatrixView<T> matrix, T* x, T* dst, nint rows, nint depth, bool down, TEpilogue epilogue, nint row, nint column)
        where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V> where TEpilogue : unmanaged, IEpilogue<T>
    {
        var sums = stackalloc T[Chunk + S.Width];
        for (nint i = 0; i < rows; i += Chunk)
        {
            var count = Math.Min(Chunk, rows - i);
            var part = matrix with { Pointer = (nint)matrix.At(i, 0) };
            if (matrix.ColumnStride == 1) Dots<T, V, S>(part, x, sums, count, depth);
            else Columns<T, V, S>(part, x, sums, count, depth);
            if (down) TileMath.StoreBlock<T, V, S, TEpilogue>(sums, 1, dst + i, 1, count, 1, epilogue, row + i, column);
            else TileMath.StoreBlock<T, V, S, TEpilogue>(sums, 0, dst + i, 0, 1, count, epilogue, row, column + i);
        }
    }

    /// <summary>Rows lie in one run each: four dot products at a time, two sums in each.</summary>
    private static void Dots<T, V, S>(MatrixView<T> matrix, T* x, T* sums, nint rows, nint depth)
        where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
    {
        for (nint i = 0; i < rows; i += 4)
        {
            // Past the end the last row stands in, so that each row is summed alike.
            T* m0 = matrix.At(i, 0), m1 = matrix.At(Math.Min(i + 1, rows - 1), 0);
            T* m2 = matrix.At(Math.Min(i + 2, rows - 1), 0), m3 = matrix.At(Math.Min(i + 3, rows - 1), 0);
            V s00, s01, s10, s11, s20, s21, s30, s31;
            s00 = s01 = s10 = s11 = s20 = s21 = s30 = s31 = default;
            nint k = 0;
            for (; k <= depth - 2 * S.Width; k += 2 * S.Width)
            {
                var (x0, x1) = (S.Load(x + k), S.Load(x + k + S.Width));
                s00 = TileMath.MultiplyAdd<T, V, S>(S.Load(m0 + k), x0, s00);
                s01 = TileMath.MultiplyAdd<T, V, S>(S.Load(m0 + k + S.Width), x1, s01);
                s10 = TileMath.MultiplyAdd<T, V, S>(S.Load(m1 + k), x0, s10);
                s11 = TileMath.MultiplyAdd<T, V, S>(S.Load(m1 + k + S.Width), x1, s11);
                s20 = TileMath.MultiplyAdd<T, V, S>(S.Load(m2 + k), x0, s20);
                s21 = TileMath.MultiplyAdd<T, V, S>(S.Load(m2 + k + S.Width), x1, s21);
                s30 = TileMath.MultiplyAdd<T, V, S>(S.Load(m3 + k), x0, s30);
                s31 = TileMath.MultiplyAdd<T, V, S>(S.Load(m3 + k + S.Width), x1, s31);
            }
            for (; k < depth; k += S.Width)
            {
                var lanes = (int)Math.Min(S.Width, depth - k);
                var last = TileMath.Load<T, V, S>(x + k, lanes);
                s00 = TileMath.MultiplyAdd<T, V, S>(TileMath.Load<T, V, S>(m0 + k, lanes), last, s00);
                s10 = TileMath.MultiplyAdd<T, V, S>(TileMath.Load<T, V, S>(m1 + k, lanes), last, s10);
                s20 = TileMath.MultiplyAdd<T, V, S>(TileMath.Load<T, V, S>(m2 + k, lanes), last, s20);
                s30 = TileMath.MultiplyAdd<T, V, S>(TileMath.Load<T, V, S>(m3 + k, lanes), last, s30);
            }
            sums[i] = S.Sum(S.Add(s00, s01));
            if (i + 1 < rows) sums[i + 1] = S.Sum(S.Add(s10, s11));
            if (i + 2 < rows) sums[i + 2] = S.Sum(S.Add(s20, s21));
            if (i + 3 < rows) sums[i + 3] = S.Sum(S.Add(s30, s31));
        }
    }

    /// <summary>Columns lie in one run each: four of them at a time are added to all sums, each sum in order of k.</summary>
    private static void Columns<T, V, S>(MatrixView<T> matrix, T* x, T* sums, nint rows, nint depth)
        where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
    {
        new Span<T>(sums, (int)rows + S.Width).Clear();
        nint k = 0;
        for (; k <= depth - 4; k += 4)
        {
            T* m0 = matrix.At(0, k), m1 = matrix.At(0, k + 1), m2 = matrix.At(0, k + 2), m3 = matrix.At(0, k + 3);
            V x0 = S.Splat(x[k]), x1 = S.Splat(x[k + 1]), x2 = S.Splat(x[k + 2]), x3 = S.Splat(x[k + 3]);
            nint i = 0;
            for (; i <= rows - S.Width; i += S.Width)
            {
                var sum = TileMath.MultiplyAdd<T, V, S>(x0, S.Load(m0 + i), S.Load(sums + i));
                sum = TileMath.MultiplyAdd<T, V, S>(x1, S.Load(m1 + i), sum);
                sum = TileMath.MultiplyAdd<T, V, S>(x2, S.Load(m2 + i), sum);
                S.Store(sums + i, TileMath.MultiplyAdd<T, V, S>(x3, S.Load(m3 + i), sum));
            }
            if (i == rows) continue;
            var lanes = (int)(rows - i);
            AddLast<T, V, S>(m0 + i, x0, sums + i, lanes);
            AddLast<T, V, S>(m1 + i, x1, sums + i, lanes);
            AddLast<T, V, S>(m2 + i, x2, sums + i, lanes);
            AddLast<T, V, S>(m3 + i, x3, sums + i, lanes);
        }
        for (; k < depth; k++)
        {
            var (m, xk) = ((nint)matrix.At(0, k), S.Splat(x[k]));
            for (nint i = 0; i < rows; i += S.Width) AddLast<T, V, S>((T*)m + i, xk, sums + i, (int)Math.Min(S.Width, rows - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddLast<T, V, S>(T* m, V x, T* sums, int lanes) where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V> =>
        S.Store(sums, TileMath.MultiplyAdd<T, V, S>(x, TileMath.Load<T, V, S>(m, lanes), S.Load(sums)));
}
