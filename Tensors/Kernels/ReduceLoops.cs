using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>Elements numbered from 0, of which short stretches can be read in ascending order.</summary>
internal unsafe interface IRowSource<T> where T : unmanaged
{
    /// <summary>The elements from <paramref name="position"/> on; valid until the next call.</summary>
    T* Read(nint position, nint count);
}

/// <summary>Elements that lie in memory.</summary>
internal readonly unsafe struct DenseRow<T>(T* first) : IRowSource<T> where T : unmanaged
{
    public T* Read(nint position, nint count) => first + position;
}

/// <summary>The two loops of all reductions: along a dense row, and down the rows of a matrix column by column.</summary>
/// <remarks>
/// Both combine short blocks one after the other and the blocks pairwise, so that the rounding error of a sum of n elements
/// grows with log n. The order depends on the counts alone (a row's also on the vector width).
/// </remarks>
internal static unsafe class ReduceLoops<R, T, V, S>
    where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
{
    /// <summary>Accumulators that hide the latency of an addition, and the vectors each takes in one block.</summary>
    private const int Accumulators = 4, BlockVectors = 32;

    /// <summary>More levels than any count of blocks has bits to fill.</summary>
    private const int Levels = 48;

    /// <summary>The combination of n elements from x on.</summary>
    public static T Row(T* x, nint n)
    {
        var source = new DenseRow<T>(x);
        return Row(ref source, 0, n);
    }

    /// <summary>The combination of n elements from a position on.</summary>
    public static T Row<TSource>(ref TSource source, nint position, nint n) where TSource : struct, IRowSource<T> =>
        R.Fold<T, V, S>(n <= BlockLength ? Block(source.Read(position, n), n) : Blocks(ref source, position, n));

    /// <summary>dst[c] = the combination of x[r·step + c] over the rows, for at least <c>S.Width</c> columns.</summary>
    [SkipLocalsInit]
    public static void Columns(T* x, nint rows, nint step, nint columns, T* dst)
    {
        var levels = stackalloc V[rows > BlockVectors ? Levels * Accumulators : 1];
        var block = stackalloc V[Accumulators];
        var back = columns - S.Width;
        for (nint c = 0; c < columns; c += Accumulators * S.Width)
        {
            // Past the right edge vectors overlap: a column computed twice has the same value twice.
            nint c0 = nint.Min(c, back), c1 = nint.Min(c + S.Width, back), c2 = nint.Min(c + 2 * S.Width, back), c3 = nint.Min(c + 3 * S.Width, back);
            var pushed = 0UL;
            var row = x;
            for (nint r = 0; r < rows; r += BlockVectors)
            {
                V v0 = S.Load(row + c0), v1 = S.Load(row + c1), v2 = S.Load(row + c2), v3 = S.Load(row + c3);
                row += step;
                for (var i = nint.Min(BlockVectors, rows - r) - 1; i > 0; i--, row += step)
                {
                    v0 = R.Combine<T, V, S>(v0, S.Load(row + c0));
                    v1 = R.Combine<T, V, S>(v1, S.Load(row + c1));
                    v2 = R.Combine<T, V, S>(v2, S.Load(row + c2));
                    v3 = R.Combine<T, V, S>(v3, S.Load(row + c3));
                }
                (block[0], block[1], block[2], block[3]) = (v0, v1, v2, v3);
                if (rows > BlockVectors) Push(levels, ref pushed, block, Accumulators);
            }
            if (rows > BlockVectors) Total(levels, pushed, block, Accumulators);
            S.Store(dst + c0, block[0]);
            S.Store(dst + c1, block[1]);
            S.Store(dst + c2, block[2]);
            S.Store(dst + c3, block[3]);
        }
    }

    private static nint BlockLength
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Accumulators * BlockVectors * S.Width;
    }

    [SkipLocalsInit]
    private static V Blocks<TSource>(ref TSource source, nint position, nint n) where TSource : struct, IRowSource<T>
    {
        var levels = stackalloc V[Levels];
        var pushed = 0UL;
        V block;
        for (; n > 0; n -= BlockLength, position += BlockLength)
        {
            var count = nint.Min(n, BlockLength);
            block = Block(source.Read(position, count), count);
            Push(levels, ref pushed, &block, 1);
        }
        Total(levels, pushed, &block, 1);
        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Block(T* x, nint n)
    {
        var rest = (nint)((nuint)n % (nuint)S.Width);
        var whole = n - rest;
        V v0 = S.Splat(R.Identity<T>()), v1 = v0, v2 = v0, v3 = v0;
        nint i = 0;
        for (; i <= whole - Accumulators * S.Width; i += Accumulators * S.Width)
        {
            v0 = R.Combine<T, V, S>(v0, S.Load(x + i));
            v1 = R.Combine<T, V, S>(v1, S.Load(x + i + S.Width));
            v2 = R.Combine<T, V, S>(v2, S.Load(x + i + 2 * S.Width));
            v3 = R.Combine<T, V, S>(v3, S.Load(x + i + 3 * S.Width));
        }
        for (; i < whole; i += S.Width) v0 = R.Combine<T, V, S>(v0, S.Load(x + i));
        v0 = R.Combine<T, V, S>(R.Combine<T, V, S>(v0, v1), R.Combine<T, V, S>(v2, v3));

        // Only here, since accumulators that live across a call are kept in memory by the loop.
        return rest == 0 ? v0 : R.Combine<T, V, S>(v0, Rest(x, n, (int)rest));
    }

    /// <summary>The last few of n elements in the upper lanes, below them the identity.</summary>
    private static V Rest(T* x, nint n, int count)
    {
        var identity = S.Splat(R.Identity<T>());
        if (n >= S.Width)
        {
            // Zeros, then ones: read from so far before the ones that just the last lanes meet them.
            ReadOnlySpan<byte> flags =
            [
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            ];
            var mask = S.LoadMask((byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(flags)) + 64 - S.Width + count);
            return S.Select(mask, S.Load(x + n - S.Width), identity);
        }
        for (var lane = 0; lane < count; lane++) ((T*)&identity)[lane] = x[n - count + lane];
        return identity;
    }

    /// <summary>Adds a block to a binary counter of partial results: level k holds the combination of 2ᵏ blocks.</summary>
    private static void Push(V* levels, ref ulong pushed, V* block, int vectors)
    {
        var level = levels;
        for (var carry = pushed++; (carry & 1) != 0; carry >>= 1, level += vectors)
        {
            for (var i = 0; i < vectors; i++) block[i] = R.Combine<T, V, S>(level[i], block[i]);
        }
        for (var i = 0; i < vectors; i++) level[i] = block[i];
    }

    /// <summary>The combination of all levels in use.</summary>
    private static void Total(V* levels, ulong pushed, V* total, int vectors)
    {
        var first = BitOperations.TrailingZeroCount(pushed);
        for (var i = 0; i < vectors; i++) total[i] = levels[first * vectors + i];
        for (var level = first + 1; pushed >> level != 0; level++)
        {
            if ((pushed >> level & 1) == 0) continue;
            for (var i = 0; i < vectors; i++) total[i] = R.Combine<T, V, S>(levels[level * vectors + i], total[i]);
        }
    }
}
