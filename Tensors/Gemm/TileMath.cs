using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>What tiles and epilogues are made of.</summary>
internal static unsafe class TileMath
{
    /// <summary>x·y + sum, in one rounding where the processor has the instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V MultiplyAdd<T, V, S>(V x, V y, V sum) where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V> =>
        // Without it a fused sum is a library call for every lane.
        Fma.IsSupported || AdvSimd.IsSupported ? S.MultiplyAdd(x, y, sum) : S.Add(S.Multiply(x, y), sum);

    /// <summary>The first lanes from memory; further ones are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<T, V, S>(T* p, int lanes) where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
    {
        if (lanes == S.Width) return S.Load(p);
        // A vector loaded from memory just written piecewise would wait for the pieces.
        if (typeof(V) == typeof(Vector128<float>))
        {
            var x = (float*)p;
            return Unsafe.BitCast<Vector128<float>, V>(Vector128.Create(x[0], lanes > 1 ? x[1] : 0, lanes > 2 ? x[2] : 0, 0));
        }
        var part = default(V);
        for (var i = 0; i < lanes; i++) ((T*)&part)[i] = p[i];
        return part;
    }

    /// <summary>Calls the rows of a tile of C into the cache, where they are wanted when its sums are done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch<T>(T* c, nint rsc, int rows, int columns) where T : unmanaged
    {
        if (!Sse.IsSupported) return;
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j += Block.LineSize / sizeof(T)) Sse.Prefetch0(c + i * rsc + j);
        }
    }

    /// <summary>Stores two vectors of sums, the row of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRow<T, V, S, TEpilogue>(T* c, V sum0, V sum1, bool accumulate, TEpilogue epilogue, nint row, nint column)
        where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V> where TEpilogue : unmanaged, IEpilogue<T>
    {
        if (accumulate)
        {
            sum0 = S.Add(S.Load(c), sum0);
            sum1 = S.Add(S.Load(c + S.Width), sum1);
        }
        S.Store(c, epilogue.Invoke<V, S>(sum0, row, column, S.Width));
        S.Store(c + S.Width, epilogue.Invoke<V, S>(sum1, row, column + S.Width, S.Width));
    }

    /// <summary>dst = epilogue(src) for a block of elements; src is read in whole vectors, so its last row needs room behind it.</summary>
    public static void StoreBlock<T, V, S, TEpilogue>(
        T* src, nint rss, T* dst, nint rsd, nint rows, nint columns, TEpilogue epilogue, nint row, nint column)
        where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V> where TEpilogue : unmanaged, IEpilogue<T>
    {
        for (nint i = 0; i < rows; i++, src += rss, dst += rsd)
        {
            nint j = 0;
            for (; j <= columns - S.Width; j += S.Width)
            {
                S.Store(dst + j, epilogue.Invoke<V, S>(S.Load(src + j), row + i, column + j, S.Width));
            }
            if (j == columns) continue;
            var lanes = (int)(columns - j);
            var last = epilogue.Invoke<V, S>(S.Load(src + j), row + i, column + j, lanes);
            for (var lane = 0; lane < lanes; lane++) dst[j + lane] = ((T*)&last)[lane];
        }
    }
}
