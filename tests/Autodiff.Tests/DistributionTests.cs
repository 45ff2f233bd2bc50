using Xunit;

namespace ManagedFed.Tests;

/// <summary>Random tensors: the stated formulas of the key's bits, moments within five standard deviations, edges.</summary>
public sealed class DistributionTests
{
    private const int Count = 20_000;

    private static readonly RandomKey Key = RandomKey.FromSeed(17);

    private static readonly uint[] Bits = Tensor.RandomBits(Key, [Count]).ToArray<uint>();

    private static float Unit(uint bits) => MathF.Min(bits / (float)uint.MaxValue, MathF.BitDecrement(1));

    // The mean of n numbers of variance v has the standard deviation √(v/n), their variance some √((k − 1)/n)·v for kurtosis k ≤ 9.
    private static void HasMoments(Tensor x, double mean, double variance)
    {
        var values = x.AsType(DType.Float64).ToArray<double>();
        Assert.Equal(mean, values.Average(), 5 * Math.Sqrt(variance / values.Length));
        Assert.Equal(variance, values.Average(v => (v - mean) * (v - mean)), 5 * variance * Math.Sqrt(8.0 / values.Length));
    }

    [Fact]
    public void RandomInt_OfSmallBounds_IsTheFloorOfMlxsUniformNumbers()
    {
        var x = Tensor.RandomInt(Key, -3, 7, [Count]);
        Assert.Equal(Bits.Select(bits => Math.Min((int)MathF.Floor(Unit(bits) * 10 + -3), 6)), x.ToArray<int>());
        Assert.Equal(Enumerable.Range(-3, 10), x.ToArray<int>().Distinct().Order());
        HasMoments(x, 1.5, 99 / 12.0);
        Assert.Equal(DType.UInt8, Tensor.RandomInt(Key, 0, 256, [2], DType.UInt8).DType);
    }

    [Fact]
    public void RandomInt_OfLargeBounds_ReachesEveryResidue()
    {
        // Uniform float32 numbers in 0 … 2³¹ are multiples of 2⁷ in the upper half.
        var x = Tensor.RandomInt(Key, 0, int.MaxValue, [Count]).ToArray<int>();
        Assert.All(x, v => Assert.InRange(v, 0, int.MaxValue - 1));
        Assert.Equal(128, x.Where(v => v > 1 << 30).Select(v => v % 128).Distinct().Count());
        var all = Tensor.RandomInt(Key, int.MinValue, 1L << 31, [Count], DType.Int64);
        HasMoments(all.AsType(DType.Float64) / (1L << 31), -0.5 / (1L << 31), 1 / 3.0);
    }

    [Fact]
    public void RandomPermutation_SortsRandomBits_AndHoldsEveryNumber()
    {
        var expected = Tensor.RandomBits(Key, [1000]).ToArray<uint>().Select((bits, i) => (bits, i)).OrderBy(pair => pair.bits).Select(pair => (uint)pair.i);
        Assert.Equal(expected, Tensor.RandomPermutation(Key, 1000).ToArray<uint>());
        var many = Tensor.RandomPermutation(Key, 100_000).ToArray<uint>();
        Assert.Equal(Enumerable.Range(0, 100_000).Select(i => (uint)i), many.Order());
        Assert.NotEqual(many.Order(), many);
        Assert.Empty(Tensor.RandomPermutation(Key, 0).ToArray<uint>());
        var rows = Tensor.RandomPermutation(Key, Tensor.Arange(12).Reshape(3, 4), axis: 1);
        Assert.Equal([12, 15, 18, 21], rows.Sum(0).Sort().ToArray<int>());
        Assert.Equal([6, 22, 38], rows.Sum(1).ToArray<int>());
    }

    [Fact]
    public void RandomGumbel_IsTheFormulaOfTheBits_AndFinite()
    {
        var x = Tensor.RandomGumbel(Key, [Count]);
        Assert.All(Bits.Zip(x.ToArray<float>()), pair => Assert.Equal(-Math.Log(-Math.Log(Unit(pair.First))), pair.Second, 2e-3 * (1 + Math.Abs(pair.Second))));
        HasMoments(x, 0.5772156649, Math.PI * Math.PI / 6);
        Assert.True(Tensor.RandomGumbel(Key, [Count], DType.Float64).IsFinite().All().Item<bool>());
    }

    [Fact]
    public void RandomCategorical_DrawsByProbability()
    {
        var logits = Tensor.From(MathF.Log(1), MathF.Log(3), float.NegativeInfinity, MathF.Log(4));
        var counts = new int[4];
        foreach (var drawn in Tensor.RandomCategorical(Key, logits, Count, -1).ToArray<uint>()) counts[drawn]++;
        Assert.Equal(0, counts[2]);
        foreach (var (count, p) in counts.Zip([0.125, 0.375, 0, 0.5])) Assert.Equal(p * Count, count, 5 * Math.Sqrt(p * (1 - p) * Count) + 1e-9);
        Assert.Equal(Shape.Create([2, 4]), Tensor.RandomCategorical(Key, Tensor.Zeros([2, 3, 4]), axis: 1).Shape);
        Assert.Equal(Shape.Create([2, 4, 5]), Tensor.RandomCategorical(Key, Tensor.Zeros([2, 3, 4]), 5, 1).Shape);
        var noise = Tensor.RandomGumbel(Key, [3, 4]);
        Assert.Equal(noise.ArgMax(-1).ToArray<uint>(), Tensor.RandomCategorical(Key, Tensor.Zeros([3, 4])).ToArray<uint>());
    }

    [Fact]
    public void RandomTruncatedNormal_StaysInside()
    {
        var x = Tensor.RandomTruncatedNormal(Key, -1, 2, [Count]);
        Assert.All(x.ToArray<float>(), v => Assert.InRange(v, -1, 2));

        // With φ(−1) = 0.2419707, φ(2) = 0.0539910 and Z = Φ(2) − Φ(−1) = 0.8185946: the mean is (φ(−1) − φ(2))/Z = 0.2296369,
        // the variance 1 + (−φ(−1) − 2φ(2))/Z − mean² = 1 − 0.4275033 − 0.0527331 = 0.5197636.
        HasMoments(x, 0.2296369, 0.5197636);
        Assert.All(Tensor.RandomTruncatedNormal(Key, 8, 9, [100]).ToArray<float>(), v => Assert.InRange(v, 8, 9));
    }

    [Fact]
    public void RandomLaplaceAndExponential_HaveTheirMoments()
    {
        HasMoments(Tensor.RandomLaplace(Key, [Count], mean: 3, scale: 2), 3, 8);
        HasMoments(Tensor.RandomExponential(Key, [Count], scale: 0.5), 0.5, 0.25);
        Assert.True(Tensor.RandomExponential(Key, [Count]).Min().Item<float>() >= 0);
        Assert.True(Tensor.RandomLaplace(Key, [Count], dtype: DType.Float64).IsFinite().All().Item<bool>());

        // Half of e^(−|x|)/2 lies below 0.
        Assert.Equal(Count / 2, (Tensor.RandomLaplace(Key, [Count]) < 0).CountNonZero().Item<int>(), 5 * Math.Sqrt(Count / 4));
    }

    [Fact]
    public void Distributions_MappedOverKeys_DrawAsEachKeyDoes()
    {
        var keys = Tensor.RandomSplit(Key, 3);
        foreach (var f in new Func<Tensor, Tensor>[]
        {
            key => Tensor.RandomInt(key, 0, 9, [4]), key => Tensor.RandomInt(key, 0, 1 << 30, [4]), key => Tensor.RandomPermutation(key, 5),
            key => Tensor.RandomGumbel(key, [4]), key => Tensor.RandomCategorical(key, Tensor.Zeros([2, 3])), key => Tensor.RandomLaplace(key, [4]),
            key => Tensor.RandomTruncatedNormal(key, -1, 1, [4]), key => Tensor.RandomExponential(key, [4]),
        })
        {
            var mapped = Transforms.Vmap(f)(keys);
            for (var i = 0; i < 3; i++) Assert.True(Tensor.ArrayEqual(f(keys[i]), mapped[i]).Item<bool>());
            Assert.True(Tensor.ArrayEqual(f(keys[0]), Transforms.Compile(f)(keys[0])).Item<bool>());
        }
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[random_int] low 3 is not less than high 3", () => Tensor.RandomInt(Key, 3, 3, [1]) },
        { "[random_int] 0..8589934592 spans 8589934592 integers, at most 2^32", () => Tensor.RandomInt(Key, 0, 1L << 33, [1], DType.Int64) },
        { "[random_int] dtype is float32, expected an integer type", () => Tensor.RandomInt(Key, 0, 3, [1], DType.Float32) },
        { "[random_permutation] n is -1, expected 0 or more", () => Tensor.RandomPermutation(Key, -1) },
        { "[random_categorical] count is -1, expected 0 or more", () => Tensor.RandomCategorical(Key, Tensor.Zeros([3]), -1, 0) },
        { "[random_truncated_normal] low 1 is not less than high 1", () => Tensor.RandomTruncatedNormal(Key, 1, 1, [1]) },
        { "[random_laplace] scale -1 is negative", () => Tensor.RandomLaplace(Key, [1], scale: -1) },
        { "[random_exponential] scale -1 is negative", () => Tensor.RandomExponential(Key, [1], -1) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
