using Xunit;

namespace ManagedFed.Tests;

/// <summary>What random tensors do with parameters at the ends of their ranges and beyond.</summary>
public sealed class RandomEdgeTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    private static readonly RandomKey Key = RandomKey.FromSeed(5);

    public static TheoryData<string, Action> Refused => new()
    {
        { "[random_bernoulli] probability is NaN", () => Tensor.RandomBernoulli(Key, NaN, [2]) },
        { "[random_bernoulli] probability is NaN at place 1 of shape (2,)", () => Tensor.RandomBernoulli(Key, Tensor.From(0.5, NaN)).Eval() },
        { "[random_bernoulli] shapes (3,) and (2,) cannot be broadcast", () => Tensor.RandomBernoulli(Key, Tensor.Zeros([3]), [2]) },
        { "[random_uniform] low NaN and high 1, expected finite", () => Tensor.RandomUniform(Key, [2], NaN) },
        { "[random_uniform] low -Infinity and high 1, expected finite", () => Tensor.RandomUniform(Key, [2], -Inf) },
        { "[random_normal] mean is NaN", () => Tensor.RandomNormal(Key, [2], NaN) },
        { "[random_normal] standard deviation is NaN", () => Tensor.RandomNormal(Key, [2], 0, NaN) },
        { "[random_normal] standard deviation -2 is negative", () => Tensor.RandomNormal(Key, [2], 0, -2) },
        { "[random_laplace] scale is Infinity", () => Tensor.RandomLaplace(Key, [2], 0, Inf) },
        { "[random_exponential] scale is NaN", () => Tensor.RandomExponential(Key, [2], NaN) },
        { "[random_int] low 3 is not less than high 3", () => Tensor.RandomInt(Key, 3, 3, [2]) },
        { "[random_int] 0..1000 does not fit into int8, which holds -128..127", () => Tensor.RandomInt(Key, 0, 1000, [2], DType.Int8) },
        { "[random_int] -1..2 does not fit into uint32", () => Tensor.RandomInt(Key, -1, 2, [2], DType.UInt32) },
        { "[random_truncated_normal] low NaN is not less than high 1", () => Tensor.RandomTruncatedNormal(Key, NaN, 1, [2]) },
        { "[random_truncated_normal] low 1 is not less than high 1", () => Tensor.RandomTruncatedNormal(Key, 1, 1, [2]) },
        { "[random_categorical] the largest logit of a row is NaN at place 1", () => Tensor.RandomCategorical(Key, Tensor.From(new[,] { { 0, 1 }, { 0, NaN } })).Eval() },
        { "[random_categorical] the largest logit of a row is -Infinity", () => Tensor.RandomCategorical(Key, Tensor.From(-Inf, -Inf)).Eval() },
        { "[random_categorical] the largest logit of a row is Infinity", () => Tensor.RandomCategorical(Key, Tensor.From(Inf, 0), 3, 0).Eval() },
        { "[random_permutation] n is -1", () => Tensor.RandomPermutation(Key, -1) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Draw_WithBadParameters_IsRefusedWithTheValue(string message, Action call)
    {
        var error = Assert.ThrowsAny<ArgumentException>(call);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    [InlineData(DType.Float16)]
    public void RandomBernoulli_OfATensor_DrawsEachElementByItsOwnProbability(DType dtype)
    {
        double[] p = [-3, 0, 0.25, 0.75, 1, 2, Inf, -Inf];
        var probabilities = Tensor.From<double>(p).AsType(dtype);
        Tensor Draw(Tensor key, Tensor v) => Tensor.RandomBernoulli(key, v, [10_000, p.Length]);
        var drawn = Draw(Key, probabilities);
        Assert.Equal(DType.Bool, drawn.DType);
        var share = drawn.AsType(DType.Float64).Mean(0).ToArray<double>();
        for (var i = 0; i < p.Length; i++)
        {
            if (p[i] is > 0 and < 1) Assert.Equal(p[i], share[i], 0.02);
            else Assert.Equal(p[i] >= 1 ? 1 : 0, share[i]);
        }

        // The bits of one p, whatever way it comes.
        Assert.Equal(Tensor.RandomBernoulli(Key, 0.25, [50]).ToArray<bool>(), Tensor.RandomBernoulli(Key, Tensor.Scalar(0.25, dtype), [50]).ToArray<bool>());
        Assert.Equal(drawn.ToArray<bool>(), Transforms.Compile(Draw)(Key, probabilities).ToArray<bool>());
        Assert.Equal([true, true, true], Tensor.RandomBernoulli(Key, 2, [3]).ToArray<bool>());
        Assert.Equal([false, false, false], Tensor.RandomBernoulli(Key, -2, [3]).ToArray<bool>());
        Assert.Equal([true, false], Tensor.RandomBernoulli(Key, Tensor.From(true, false)).ToArray<bool>());
    }

    [Fact]
    public void RandomBernoulli_UnderVmap_IsThatOfEachMember()
    {
        var p = Tensor.From(new[,] { { 0.0, 0.5 }, { 1.0, 0.5 } });
        var mapped = Transforms.Vmap(v => Tensor.RandomBernoulli(Key, v, [20, 2]))(p).ToArray<bool>();
        bool[] expected = [.. Tensor.RandomBernoulli(Key, p[0], [20, 2]).ToArray<bool>(), .. Tensor.RandomBernoulli(Key, p[1], [20, 2]).ToArray<bool>()];
        Assert.Equal(expected, mapped);
    }

    [Fact]
    public void RandomCategorical_WithMinusInfinity_NeverDrawsThatClass()
    {
        var logits = Tensor.From(-Inf, 0, -Inf, 0).AsType(DType.Float32);
        var counts = Tensor.RandomCategorical(Key, logits, 4000, 0).ToArray<uint>().CountBy(c => c).ToDictionary();
        Assert.Equal([1u, 3u], counts.Keys.Order());
        Assert.Equal(2000, counts[1], 200.0);
    }

    [Theory]
    [InlineData(5, 6)]
    [InlineData(8, 9)]
    [InlineData(-40, -30)]
    [InlineData(4, double.PositiveInfinity)]
    public void RandomTruncatedNormal_InATail_IsSpreadAsTheDensitySays(double low, double high)
    {
        // The mean of the tail from a on, up to 1/a⁵: a + 1/a − 2/a³; what lies beyond low + 1 hardly counts.
        var x = Tensor.RandomTruncatedNormal(Key, low, high, [20_000], DType.Float64);
        var a = low > 0 ? low : -high;
        Assert.Equal(a + 1 / a - 2 / (a * a * a), x.Mean().Item<double>() * Math.Sign(low), 0.02);
        Assert.True(x.Min().Item<double>() >= low && x.Max().Item<double>() <= high);
        Assert.True(x.Std().Item<double>() > 0.5 / a);
    }

    [Fact]
    public void RandomPermutation_OfFew_IsThatOfFew()
    {
        Assert.Empty(Tensor.RandomPermutation(Key, 0).ToArray<uint>());
        Assert.Equal([0u], Tensor.RandomPermutation(Key, 1).ToArray<uint>());
        Assert.Equal(sbyte.MinValue, Tensor.RandomInt(Key, -128, -127, [1], DType.Int8).Item<sbyte>());
        Assert.Equal(ulong.MaxValue >> 1, Tensor.RandomInt(Key, long.MaxValue - 1, long.MaxValue, [1], DType.UInt64).Item<ulong>() + 1);
    }
}
