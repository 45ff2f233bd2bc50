using System.Numerics;

namespace ManagedFed.Nn.Data;

/// <summary>
/// NumPy's <c>default_rng(seed)</c>: PCG64 seeded through SeedSequence. It draws the permutations that Flower's data sets are
/// shuffled by; for anything else use <see cref="RandomKey"/>.
/// </summary>
/// <remarks>
/// PCG XSL-RR 128/64: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
/// Number Generation", 2014. Seeding: O'Neill, "Developing a seed_seq Alternative", 2015; NumPy enhancement proposal 19. Not thread-safe.
/// </remarks>
internal sealed class NumpyGenerator
{
    private static readonly UInt128 Multiplier = new(0x2360ED051FC65DA4, 0x4385DF649FCCF645);

    private readonly UInt128 increment;
    private UInt128 state;
    private uint? upperHalf;

    public NumpyGenerator(ulong seed)
    {
        Span<ulong> words = stackalloc ulong[4];
        SeedSequence(seed, words);
        increment = (new UInt128(words[2], words[3]) << 1) | 1;
        // From state 0: step, add the seed, step.
        state = (increment + new UInt128(words[0], words[1])) * Multiplier + increment;
    }

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

    /// <summary>0 … n−1 in random order: <c>permutation(n)</c>, a Fisher-Yates shuffle from the last element down.</summary>
    public int[] Permutation(int n)
    {
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        for (var i = n - 1; i > 0; i--)
        {
            // As many bits as i has, drawn anew until they are no larger.
            var mask = uint.MaxValue >> BitOperations.LeadingZeroCount((uint)i);
            uint j;
            do j = NextUInt32() & mask;
            while (j > i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
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
