using System.Numerics;
using System.Security.Cryptography;

namespace ManagedFed.Federation.Data;

/// <summary>
/// NumPy's <c>default_rng(seed)</c>: the same bits, integers, permutations and distributions for the same seed, so that what Flower
/// shuffles and divides with NumPy comes out the same here. For anything else use <see cref="RandomKey"/>. Not thread-safe.
/// </summary>
/// <remarks>
/// PCG XSL-RR 128/64: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
/// Number Generation", 2014. Seeding: O'Neill, "Developing a seed_seq Alternative", 2015; NumPy enhancement proposal 19.
/// Distributions call the platform's exp, log and pow as NumPy does, which are the same where the C library is.
/// </remarks>
public sealed partial class NumpyGenerator
{
    private static readonly UInt128 Multiplier = new(0x2360ED051FC65DA4, 0x4385DF649FCCF645);

    private readonly UInt128 increment;
    private UInt128 state;
    private uint? upperHalf;

    /// <summary>The generator of a seed.</summary>
    public NumpyGenerator(ulong seed)
    {
        Span<ulong> words = stackalloc ulong[4];
        SeedSequence(seed, words);
        increment = (new UInt128(words[2], words[3]) << 1) | 1;
        // From state 0: step, add the seed, step.
        state = (increment + new UInt128(words[0], words[1])) * Multiplier + increment;
    }

    /// <summary>The generator of a seed, or of one from the operating system.</summary>
    internal static NumpyGenerator Of(ulong? seed) => new(seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        state = state * Multiplier + increment;
        var (high, low) = ((ulong)(state >> 64), (ulong)state);
        return BitOperations.RotateRight(high ^ low, (int)(high >> 58));
    }

    /// <summary>32 random bits: the lower half of 64, then the upper half of the same.</summary>
    public uint NextUInt32()
    {
        if (upperHalf is { } kept)
        {
            upperHalf = null;
            return kept;
        }
        var bits = NextUInt64();
        upperHalf = (uint)(bits >> 32);
        return (uint)bits;
    }

    /// <summary>A number of 0 ≤ x &lt; 1, a multiple of 2⁻⁵³: <c>random()</c>.</summary>
    public double Random() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>An integer of low ≤ x &lt; high: <c>integers(low, high)</c>.</summary>
    /// <remarks>D. Lemire, "Fast Random Integer Generation in an Interval", 2019 (arXiv 1805.10941); 32 bits at a time where they are enough.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The interval is empty.</exception>
    public long Integers(long low, long high)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(low, high);
        return low + (long)UpTo((ulong)(high - 1) - (ulong)low);
    }

    /// <summary>0 … last: the whole part of a random fraction times the number of values.</summary>
    private ulong UpTo(ulong last) => last switch
    {
        0 => 0,
        uint.MaxValue => NextUInt32(),
        ulong.MaxValue => NextUInt64(),
        < uint.MaxValue => Below((uint)last + 1),
        _ => Below(last + 1),
    };

    private uint Below(uint count)
    {
        var product = (ulong)NextUInt32() * count;
        if ((uint)product < count)
        {
            // The 2³² mod count smallest fractions would come once too often.
            var threshold = (0 - count) % count;
            while ((uint)product < threshold) product = (ulong)NextUInt32() * count;
        }
        return (uint)(product >> 32);
    }

    private ulong Below(ulong count)
    {
        var product = Math.BigMul(NextUInt64(), count, out var fraction);
        if (fraction < count)
        {
            var threshold = (0 - count) % count;
            while (fraction < threshold) product = Math.BigMul(NextUInt64(), count, out fraction);
        }
        return product;
    }

    /// <summary>Spreads a seed over 256 bits: a pool of four words in which every word of the seed affects all.</summary>
    private static void SeedSequence(ulong seed, Span<ulong> words)
    {
        Span<uint> pool = [(uint)seed, (uint)(seed >> 32), 0, 0];
        var hash = 0x43b0d7e5u;
        foreach (ref var word in pool) word = Hash(word, ref hash, 0x931e8875);
        for (var from = 0; from < pool.Length; from++)
        {
            for (var to = 0; to < pool.Length; to++)
            {
                if (from == to) continue;
                var mixed = 0xca01f9dd * pool[to] - 0x4973f715 * Hash(pool[from], ref hash, 0x931e8875);
                pool[to] = mixed ^ (mixed >> 16);
            }
        }
        hash = 0x8b51f9dd;
        for (var i = 0; i < words.Length; i++)
        {
            var low = Hash(pool[2 * i % 4], ref hash, 0x58f38ded);
            words[i] = low | (ulong)Hash(pool[(2 * i + 1) % 4], ref hash, 0x58f38ded) << 32;
        }
    }

    private static uint Hash(uint value, ref uint hash, uint multiplier)
    {
        value ^= hash;
        hash *= multiplier;
        value *= hash;
        return value ^ (value >> 16);
    }
}
