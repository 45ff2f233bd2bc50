using System.Runtime.Intrinsics;

namespace ManagedFed.Kernels;

/// <summary>Fills arrays with random bits.</summary>
internal static unsafe class RandomKernel
{
    /// <summary>
    /// Writes the bits that JAX (with <c>jax_threefry_partitionable</c> off) and MLX draw from a key of two words; dst is
    /// contiguous, both are uint32.
    /// </summary>
    /// <remarks>
    /// With h = ⌈n/2⌉, words i and h+i are the hash of the counter pair (i, h+i); for odd n the last pair is (h-1, 0) and its
    /// second word is dropped. Every word depends on n, the key and its own place only.
    /// </remarks>
    /// <exception cref="ArgumentException">More than 2³² words.</exception>
    public static void Bits(NdArray key, NdArray dst)
    {
        if (dst.Count > 1L << 32) Throw.Argument("random", $"{dst.Count} words from one key, at most 2^32; split the key first");
        var words = (uint*)key.Pointer;
        Write(words[0], words[key.Layout.Strides[0]], (uint*)dst.Pointer, dst.Layout.Count);
        GC.KeepAlive(key);
        GC.KeepAlive(dst);
    }

    /// <summary>The same for n words at an address.</summary>
    public static void Write(uint key0, uint key1, uint* dst, nint n)
    {
        var half = (n + 1) / 2;
        var full = n / 2;
        var lanes = Vector256<uint>.Count;
        var first = Vector256<uint>.Indices;
        nint i = 0;
        for (; i <= full - lanes; i += lanes)
        {
            var (a, b) = Threefry.Hash(key0, key1, first + Vector256.Create((uint)i), first + Vector256.Create((uint)(half + i)));
            *(Vector256<uint>*)(dst + i) = a;
            *(Vector256<uint>*)(dst + half + i) = b;
        }
        for (; i < half; i++)
        {
            var (a, b) = Threefry.Hash(key0, key1, (uint)i, i < full ? (uint)(half + i) : 0);
            dst[i] = a;
            if (i < full) dst[half + i] = b;
        }
    }
}
