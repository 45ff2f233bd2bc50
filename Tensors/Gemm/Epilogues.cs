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
        S.Add(sum, TileMath.Load<T, V, S>(bias + column, lanes));
}

/// <summary>C = f(inner(A·B)).</summary>
internal readonly struct Then<T, TInner, TFormula>(TInner inner) : IEpilogue<T>
    where T : unmanaged where TInner : unmanaged, IEpilogue<T> where TFormula : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V> =>
        TFormula.Invoke<T, V, S>(inner.Invoke<V, S>(sum, row, column, lanes));
}

/// <summary>C = f(A·B, other), the other a dense matrix of C's shape with rows of <paramref name="columns"/> elements.</summary>
internal readonly unsafe struct ThenWith<T, TFormula>(T* other, nint columns) : IEpilogue<T> where T : unmanaged where TFormula : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V, S>(V sum, nint row, nint column, int lanes) where V : unmanaged where S : struct, ISimd<T, V> =>
        TFormula.Invoke<T, V, S>(sum, TileMath.Load<T, V, S>(other + row * columns + column, lanes));
}
