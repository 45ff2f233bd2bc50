using System.Runtime.InteropServices;
using ManagedFed.IO;
using ManagedFed.Kernels;

namespace ManagedFed.Federation;

/// <summary>Reads models without <see cref="NdArray.AsSpan{T}"/>, whose memory is never used again: each message would need fresh memory.</summary>
internal static class ArrayElements
{
    /// <summary>The elements of a contiguous array in row-major order; the caller keeps the array alive while it uses them.</summary>
    public static Span<T> Elements<T>(this NdArray array) where T : unmanaged => MemoryMarshal.Cast<byte, T>(array.Bytes);

    /// <summary>The array, contiguous and in the type that it is calculated in: halves as float32, the smaller integers but uint8 as 32 bits.</summary>
    public static NdArray Widened(this NdArray array) => array.AsType(array.DType.Wide()).Contiguous();

    /// <summary>A file of this array's shape and type, whose elements are worked in a wider type where there is one, and rounded once.</summary>
    public static NpyFile Filled(this NdArray like, Action<NdArray> fill)
    {
        var file = new NpyFile(like.Shape, like.DType);
        if (!like.DType.IsNarrow())
        {
            fill(file.Array);
            return file;
        }
        var wide = NdArray.Empty(like.Shape, like.DType.IsFloating() ? DType.Float64 : like.DType.Wide());
        fill(wide);
        ConvertKernel.Run(wide, file.Array);
        return file;
    }
}
