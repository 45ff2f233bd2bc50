using System.Runtime.InteropServices;

namespace ManagedFed.Federation;

/// <summary>Reads models without <see cref="NdArray.AsSpan{T}"/>, whose memory is never used again: each message would need fresh memory.</summary>
internal static class ArrayElements
{
    /// <summary>The elements of a contiguous array in row-major order; the caller keeps the array alive while it uses them.</summary>
    public static Span<T> Elements<T>(this NdArray array) where T : unmanaged => MemoryMarshal.Cast<byte, T>(array.Bytes);
}
