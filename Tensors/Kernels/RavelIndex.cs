using System.Diagnostics;

namespace ManagedFed.Kernels;

/// <summary>Joins one array of indices for each of several axes into places in these axes merged.</summary>
internal static unsafe class RavelIndex
{
    /// <summary>dst[i] = (…(indices₀[i]·size₁ + indices₁[i])·size₂ + …); dst is contiguous int64, all are of one shape.</summary>
    /// <param name="indices">Integers, negative ones counted from the end.</param>
    /// <param name="sizes">The sizes of the axes.</param>
    /// <param name="axes">The axes' numbers, for messages.</param>
    /// <param name="dst">The places.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside its axis.</exception>
    public static void Run(ReadOnlySpan<NdArray> indices, ReadOnlySpan<int> sizes, ReadOnlySpan<int> axes, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == DType.Int64);
        dst.Fill(0);
        var places = (long*)dst.Pointer;
        for (var k = 0; k < indices.Length; k++)
        {
            using var list = new IndexList("index", indices[k], axes[k], sizes[k]);
            for (nint i = 0; i < list.Count; i++) places[i] = places[i] * sizes[k] + list.Pointer[i];
        }
        GC.KeepAlive(dst);
    }
}
