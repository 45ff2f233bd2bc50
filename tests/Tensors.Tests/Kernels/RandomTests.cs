using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class RandomTests
{
    // The known answers of the Random123 distribution (kat_vectors, threefry2x32 20).
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0x6b200159u, 0x99ba4efeu)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x1cb996fcu, 0xbb002be7u)]
    [InlineData(0x13198a2eu, 0x03707344u, 0x243f6a88u, 0x85a308d3u, 0xc4923a9cu, 0x483df7a0u)]
    public void Hash_KnownAnswers_Match(uint key0, uint key1, uint x0, uint x1, uint expected0, uint expected1) =>
        Assert.Equal((expected0, expected1), Threefry.Hash(key0, key1, x0, x1));

    // Recorded from JAX and MLX: bits of keys 0 and 1 in the lengths of their own test suites.
    [Theory]
    [InlineData(0ul, new uint[0])]
    [InlineData(0ul, new[] { 1797259609u })]
    [InlineData(1ul, new[] { 507451445u })]
    [InlineData(0ul, new[] { 4146024105u, 1351547692u, 2718843009u })]
    [InlineData(0ul, new[] { 4146024105u, 967050713u, 2718843009u, 1272950319u })]
    [InlineData(0ul, new[] { 2467461003u, 428148500u, 3186719485u, 3840466878u, 2562233961u, 1946702221u })]
    public void Bits_OfAKey_AreThoseOfJaxAndMlx(ulong seed, uint[] expected) =>
        Assert.Equal(expected, Bits(RandomKey.FromSeed(seed), expected.Length));

    [Fact]
    public void Bits_AnyLength_HashesTheCounterPairs() =>
        Gen.Select(Gen.UInt, Gen.UInt, Gen.Int[0, 100]).Sample((key0, key1, n) =>
        {
            var half = (n + 1) / 2;
            var bits = Bits(new(key0, key1), n);
            for (var i = 0; i < half; i++)
            {
                var last = half + i == n;
                var (a, b) = Threefry.Hash(key0, key1, (uint)i, last ? 0 : (uint)(half + i));
                if (bits[i] != a || !last && bits[half + i] != b) return false;
            }
            return true;
        });

    [Fact]
    public void Bits_AMillion_AreEvenlySpread()
    {
        // Each of 32 bit counts is binomial with deviation 500: six deviations either way.
        var bits = Bits(RandomKey.FromSeed(7), 1_000_000);
        for (var bit = 0; bit < 32; bit++) Assert.InRange(bits.Count(word => (word >> bit & 1) != 0), 497_000, 503_000);
        Assert.InRange(bits.Distinct().Count(), 999_800, 999_950); // n − n²/2³³ = 999 884 expected
    }

    [Fact]
    public void FromSeed_64Bits_GivesHighAndLowWord() =>
        Assert.Equal(new RandomKey(0x01234567, 0x89abcdef), RandomKey.FromSeed(0x0123456789abcdef));

    [Fact]
    public void Split_KeyZero_GivesThePublishedKeys()
    {
        var (first, second) = RandomKey.FromSeed(0).Split();
        Assert.Equal(new RandomKey(4146024105, 967050713), first);
        Assert.Equal(new RandomKey(2718843009, 1272950319), second);
    }

    [Fact]
    public void Split_IntoThree_GivesThePublishedKeys() => Assert.Equal(
        [new(2467461003, 428148500), new(3186719485, 3840466878), new(2562233961, 1946702221)],
        RandomKey.FromSeed(0).Split(3));

    [Fact]
    public void Split_IntoTwo_IsSplit() => Gen.Select(Gen.UInt, Gen.UInt).Sample((a, b) =>
    {
        var key = new RandomKey(a, b);
        var (first, second) = key.Split();
        return key.Split(2) is [var x, var y] && x == first && y == second;
    });

    [Fact]
    public void Split_BadCount_Throws()
    {
        Assert.Empty(default(RandomKey).Split(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => default(RandomKey).Split(-1));
    }

    // JAX's keys of counters (0, 1) and (0, 2) under key 0.
    [Theory]
    [InlineData(1u, 928981903u, 3453687069u)]
    [InlineData(2u, 4146024105u, 2718843009u)]
    public void Fold_KeyZero_GivesThePublishedKeys(uint data, uint expected0, uint expected1) =>
        Assert.Equal(new RandomKey(expected0, expected1), RandomKey.FromSeed(0).Fold(data));

    private static uint[] Bits(RandomKey key, int n)
    {
        var dst = NdArray.Empty([n], DType.UInt32);
        RandomKernel.Bits(NdArray.From(key.Word0, key.Word1), dst);
        return dst.ToArray<uint>();
    }
}
