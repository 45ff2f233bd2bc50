using ManagedFed.Kernels;

namespace ManagedFed;

/// <summary>The state of a random generator as a value: the same key always draws the same numbers.</summary>
/// <remarks>
/// To draw again, split the key and use each half once. Bits are those of JAX and MLX
/// (threefry-2x32, 20 rounds; Salmon et al. 2011), so seeds carry over between the libraries.
/// </remarks>
/// <param name="Word0">The first 32 bits.</param>
/// <param name="Word1">The second 32 bits.</param>
public readonly record struct RandomKey(uint Word0, uint Word1)
{
    /// <summary>The key of a seed: its high 32 bits, then its low 32 bits.</summary>
    public static RandomKey FromSeed(ulong seed) => new((uint)(seed >> 32), (uint)seed);

    /// <summary>Two independent keys, the ones that <c>split(key)</c> gives in JAX and MLX.</summary>
    public (RandomKey First, RandomKey Second) Split()
    {
        var (a0, b0) = Threefry.Hash(Word0, Word1, 0, 2);
        var (a1, b1) = Threefry.Hash(Word0, Word1, 1, 3);
        return (new(a0, a1), new(b0, b1));
    }

    /// <summary>n independent keys: 2n random words, two to a key.</summary>
    /// <param name="n">The number of keys, 0 … 2³⁰.</param>
    /// <exception cref="ArgumentOutOfRangeException">n is outside its range.</exception>
    public unsafe RandomKey[] Split(int n)
    {
        Throw.Unless(n is >= 0 and <= 1 << 30, "random_split", nameof(n), n, "0..1073741824");
        var keys = new RandomKey[n];
        fixed (RandomKey* p = keys)
        {
            RandomKernel.Write(Word0, Word1, (uint*)p, 2 * (nint)n);
        }
        return keys;
    }

    /// <summary>
    /// An independent key for a number such as a client's, a round's or a step's: the hash of the counter (0, data) under
    /// this key, as <c>jax.random.fold_in</c>.
    /// </summary>
    public RandomKey Fold(uint data)
    {
        var (a, b) = Threefry.Hash(Word0, Word1, 0, data);
        return new(a, b);
    }
}
