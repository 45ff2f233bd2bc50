using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>64-bit integers that no double holds, such as counters, through every rule that compares or weighs clients.</summary>
public sealed class LargeIntegerTests
{
    /// <summary>2⁶⁰ + 1; doubles next to it lie 2⁸ apart.</summary>
    private const long Large = (1L << 60) + 1;

    [Fact]
    public void FedMedian_OddAndEven_IsExact()
    {
        // Sorted: L − 1, L, L + 2, max → (L + L + 2) / 2 = L + 1; without max the middle one, L.
        Assert.Equal(Large + 1, Next(new FedMedian(), long.MaxValue, Large, Large - 1, Large + 2));
        Assert.Equal(Large, Next(new FedMedian(), Large, Large - 1, Large + 2));
        // Halves go to the even neighbour: L = 2⁶⁰ + 1 is odd, so L + ½ → L + 1 and L − ½ → L − 1.
        Assert.Equal(Large + 1, Next(new FedMedian(), Large, Large + 1));
        Assert.Equal(Large - 1, Next(new FedMedian(), Large, Large - 1));
        Assert.Equal(-Large - 1, Next(new FedMedian(), -Large, -Large - 1));
        Assert.Equal(0, Next(new FedMedian(), long.MinValue, long.MaxValue));
    }

    [Fact]
    public void FedTrimmedAvg_OfTheMiddle_IsExact() =>
        // ⌊0.2·5⌋ = 1 is cut at each end: (L + L + 2 + L + 4) / 3.
        Assert.Equal(Large + 2, Next(new FedTrimmedAvg(), long.MinValue, Large + 4, Large, long.MaxValue, Large + 2));

    [Fact]
    public void Krum_OfNeighbours_SeesTheirDistancesAndPassesTheModelOn() =>
        // The distances of 0, 4, 1, 90 and 2: the 2 nearest of 1 sum to 2, the least.
        Assert.Equal(Large + 1, Next(new Krum { NumMaliciousClients = 1 }, Large, Large + 4, Large + 1, Large + 90, Large + 2));

    [Fact]
    public void Bulyan_OfNeighbours_IsExact() =>
        // f = 0: all are chosen and averaged, (L + L + 1 + L + 5) / 3.
        Assert.Equal(Large + 2, Next(new Bulyan(), Large, Large + 1, Large + 5));

    [Fact]
    public void GeometricMedian_OneStep_IsWeiszfelds() =>
        // Of 0, 0, 0 and 4 with equal weights the mean is 1 and v = 4·(1/3) / (3 + 1/3) = 0.4; times 10: 4.
        Assert.Equal(Large + 4, Next(new GeometricMedian { Iterations = 1 }, Large, Large, Large, Large + 40));

    /// <summary>Sorted: 2⁶³ + 1, 2⁶³ + 3 and the largest number of all.</summary>
    [Fact]
    public void FedMedian_OfUnsignedIntegers_IsExact()
    {
        const ulong Half = 1UL << 63;
        var aggregation = new FedMedian().AggregateFit(TestKit.State(NdArray.From<ulong>(0, 0)));
        ulong[] values = [ulong.MaxValue, Half + 1, Half + 3];
        for (var i = 0; i < 3; i++) aggregation.Add(i, TestKit.Fit(1, NdArray.From(values[i], ulong.MaxValue)));
        Assert.Equal([Half + 3, ulong.MaxValue], aggregation.Complete([])!.Parameters.Arrays[0].ToArray<ulong>());
    }

    public static TheoryData<Strategy, string> Rules => new()
    {
        { new FedAvg(), "mean" },
        { new FedMedian(), "median" },
        { new FedTrimmedAvg { Beta = 0.3 }, "trimmed" },
        { new Krum { NumMaliciousClients = 2 }, "krum" },
        { new MultiKrum { NumMaliciousClients = 2, NumClientsToKeep = 4 }, "multi-krum" },
        { new Bulyan { NumMaliciousClients = 2 }, "bulyan" },
        { new GeometricMedian(), "geometric median" },
        { new FedNova(), "nova" },
        { new QFedAvg(), "fair" },
        { new FLTrust { TrainOnServer = (_, model) => [NdArray.From(1f), model[1]] }, "trust" },
    };

    /// <summary>The floats differ, so that the weights do, too.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Complete_WhenAllAgree_KeepsTheInteger(Strategy strategy, string name)
    {
        foreach (var value in new[] { Large, -Large, long.MaxValue, long.MinValue, (1L << 53) + 1 })
        {
            var state = TestKit.State(NdArray.From(0f), NdArray.From(value));
            var aggregation = strategy.AggregateFit(state);
            for (var k = 0; k < 11; k++)
            {
                var metrics = new Dictionary<string, Scalar> { ["num_steps"] = 1 + k % 3, ["loss"] = 0.1 * (k + 1) };
                aggregation.Add(k, TestKit.Fit(1 + k, NdArray.From(0.3f * (k + 1)), NdArray.From(value)) with { Metrics = metrics });
            }
            Assert.True(aggregation.Complete([])!.Parameters.Arrays[1].ToArray<long>()[0] == value, $"{name} changed {value}");
        }
    }

    /// <summary>2 of 11 clients attack; honest counters lie within 5 of L in each of 700 elements, and so must the result.</summary>
    [Theory]
    [MemberData(nameof(RobustTests.Rules), MemberType = typeof(RobustTests))]
    public void Complete_WithAttackersInAnyOrder_StaysWithinTheHonest(Strategy strategy, string name)
    {
        var random = new Random(6);
        foreach (var attack in new Func<long, long>[] { x => -x, _ => long.MaxValue, _ => long.MinValue, _ => Large + 5 })
        {
            var models = Enumerable.Range(0, 11).Select(k => Enumerable.Range(0, 700).Select(_ =>
            {
                var honest = Large + random.Next(-5, 6);
                return k is 3 or 8 ? attack(honest) : honest;
            }).ToArray()).ToArray();
            var next = Next(strategy, models);
            Assert.All(next, value => Assert.True(value is >= Large - 5 and <= Large + 5, $"{name} gave {value}"));
            random.Shuffle(models);
            Assert.True(next.AsSpan().SequenceEqual(Next(strategy, models)), name);
        }
    }

    private static long Next(Strategy strategy, params long[] values) => Assert.Single(Next(strategy, [.. values.Select(value => new[] { value })]));

    private static long[] Next(Strategy strategy, long[][] models)
    {
        var aggregation = strategy.AggregateFit(TestKit.State(NdArray.Zeros([models[0].Length], DType.Int64)));
        for (var i = models.Length - 1; i >= 0; i--) aggregation.Add(i, TestKit.Fit(1, NdArray.From<long>(models[i])));
        return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<long>();
    }
}
