using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>What happens to a finished element of a matrix product before it is stored.</summary>
internal unsafe interface IEpilogue<T> where T : unmanaged
{
    /// <summary>The stored value of <paramref name="lanes"/> sums of one row; the vector's further lanes are of no account.</summary>
    /// <param name="sum">The sums from (row, column) on.</param>
    /// <param name="row">The row of dst, seen as a matrix of batch·M rows.</param>
    /// <param name="column">The column of the first lane.</param>
    /// <param name="lanes">1 to the vector's width; memory of no further lane may be read.</param>
    V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V>;
}

/// <summary>C = A·B.</summary>
internal readonly struct Product<T> : IEpilogue<T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V> => sum;
}

/// <summary>C = A·B + bias, the bias one row.</summary>
internal readonly unsafe struct AddBias<T>(T* bias) : IEpilogue<T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V> =>
        S.Add(sum, Epilogue.Load<T, V, S>(bias + column, lanes));
}

/// <summary>C = max(A·B + bias, 0), the bias one row.</summary>
internal readonly unsafe struct AddBiasRelu<T>(T* bias) : IEpilogue<T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V> =>
        S.Max(S.Add(sum, Epilogue.Load<T, V, S>(bias + column, lanes)), S.Splat(default));
}

/// <summary>What epilogues and the tiles that call them share.</summary>
internal static unsafe class Epilogue
{
    /// <summary>The first lanes from memory; further ones are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<T, V, S>(T* p, int lanes) where T : unmanaged where V : unmanaged where S : struct, ISimd<T, V>
    {
        if (lanes == S.Width) return S.Load(p);
        var part = default(V);
        for (var i = 0; i < lanes; i++) ((T*)&part)[i] = p[i];
        return part;
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

    /// <summary>dst = epilogue(src) for a block of elements; the two may be the same.</summary>
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
            var last = epilogue.Invoke<V, S>(Load<T, V, S>(src + j, lanes), row + i, column + j, lanes);
            for (var lane = 0; lane < lanes; lane++) dst[j + lane] = ((T*)&last)[lane];
        }
    }
}
