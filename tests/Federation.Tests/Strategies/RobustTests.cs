using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Rules that bear attackers: numbers by hand, independence of the clients' order, and attackers of several kinds.</summary>
public sealed class RobustTests
{
    [Fact]
    public void FedMedian_OddAndEven_TakesTheMiddle()
    {
        // 1, 2, 100 → 2 and −5, 0, 7 → 0; with a fourth, (1, 2, 4, 100) → 3 and (−5, 0, 1, 7) → 0.5. Weights do not count.
        Assert.Equal([2f, 0], Next(new FedMedian(), [100, 0], [1, -5], [2, 7]));
        Assert.Equal([3f, 0.5f], Next(new FedMedian(), [100, 0], [1, -5], [2, 7], [4, 1]));
        Assert.Equal([9f, 8], Next(new FedMedian(), [9, 8]));
    }

    [Fact]
    public void FedMedian_IntegerAndBoolTensors_RoundsHalfToEven()
    {
        var strategy = new FedMedian();
        var aggregation = strategy.AggregateFit(TestKit.State(NdArray.From(0L, 0), NdArray.From(false, false)));
        aggregation.Add(0, TestKit.Fit(1, NdArray.From(1L, 3), NdArray.From(true, true)));
        aggregation.Add(1, TestKit.Fit(1, NdArray.From(2L, 4), NdArray.From(false, true)));
        var next = aggregation.Complete([])!.Parameters;
        Assert.Equal([2L, 4], next.Arrays[0].ToArray<long>());
        Assert.Equal([false, true], next.Arrays[1].ToArray<bool>());
    }

    [Fact]
    public void FedTrimmedAvg_CutsAtBothEnds()
    {
        // ⌊0.2·5⌋ = 1 is cut at each end: (1 + 2 + 6) / 3; ⌊0.4·5⌋ = 2 leaves the median; ⌊0.2·4⌋ = 0 leaves all.
        float[][] models = [[-100], [6], [1], [1000], [2]];
        Assert.Equal([3f], Next(new FedTrimmedAvg(), models));
        Assert.Equal([2f], Next(new FedTrimmedAvg { Beta = 0.4 }, models));
        Assert.Equal([2.5f], Next(new FedTrimmedAvg(), [1], [2], [3], [4]));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(0.5)]
    [InlineData(double.NaN)]
    public void FedTrimmedAvg_OfAnImpossiblePart_SaysWhatIsExpected(double beta) =>
        Assert.Contains(
            $"[FedTrimmedAvg] Beta is {beta}, expected 0 to below 0.5",
            Assert.Throws<ArgumentOutOfRangeException>(() => new FedTrimmedAvg { Beta = beta }).Message, StringComparison.Ordinal);

    [Fact]
    public void Krum_TakesTheModelNearestToItsNeighbours()
    {
        // f = 1, K = 5: the 2 nearest count. 0: 1 + 4 = 5, 1: 1 + 1 = 2, 2: 1 + 4 = 5 (to 1 and 0 or 4), 4: 4 + 9 = 13, 90: far.
        Assert.Equal([1f], Next(new Krum { NumMaliciousClients = 1 }, [0], [4], [1], [90], [2]));
    }

    [Fact]
    public void MultiKrum_WeighsTheBestByExamples()
    {
        // Scores as above: the lowest is 1's (2); 0 and 2 both have 5, and 2 is nearer to all: (1·1 + 9·2) / 10.
        var aggregation = new MultiKrum { NumMaliciousClients = 1, NumClientsToKeep = 2 }.AggregateFit(TestKit.State(TestKit.Floats(0)));
        foreach (var (place, examples, value) in new[] { (0, 3, 0f), (1, 9, 4f), (2, 1, 1f), (3, 9, 90f), (4, 9, 2f) })
        {
            aggregation.Add(place, TestKit.Fit(examples, TestKit.Floats(value)));
        }
        Assert.Equal([1.9f], aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>());
    }

    [Fact]
    public void Krum_OfModelsFarFromZero_SeesSmallDistances()
    {
        // ‖x‖² + ‖y‖² − 2x·y of values near 10⁷ is off by more than the distances 1 and 4; differences are exact.
        Assert.Equal([10_000_001f], Next(new Krum(), [10_000_000], [10_000_001], [10_000_003], [10_000_002]));
    }

    [Fact]
    public void Bulyan_ChoosesByKrumAndAveragesNearTheMedian()
    {
        // f = 1, K = 7: θ = 5 of 0, 1, 2, 3, 4, 5, 99 without 99 and one end; the 3 nearest to their median average to it.
        var next = Next(new Bulyan { NumMaliciousClients = 1 }, [0], [99], [1], [2], [3], [4], [5]);
        Assert.InRange(next[0], 2f, 3f);
    }

    [Fact]
    public void Bulyan_WithItsDefaults_IsTheMean() => Assert.Equal([3f], Next(new Bulyan(), [1], [2], [6]));

    [Fact]
    public void Bulyan_OfTooFewClients_KeepsTheModel()
    {
        var aggregation = new Bulyan { NumMaliciousClients = 1 }.AggregateFit(TestKit.State(TestKit.Floats(0)));
        for (var i = 0; i < 6; i++) aggregation.Add(i, TestKit.Fit(1, TestKit.Floats(i)));
        Assert.Null(aggregation.Complete([]));
    }

    public static TheoryData<Strategy, string> Rules => new()
    {
        { new FedMedian(), "median" },
        { new FedTrimmedAvg { Beta = 0.3 }, "trimmed" },
        { new Krum { NumMaliciousClients = 2 }, "krum" },
        { new MultiKrum { NumMaliciousClients = 2, NumClientsToKeep = 4 }, "multi-krum" },
        { new Bulyan { NumMaliciousClients = 2 }, "bulyan" },
    };

    /// <summary>2 of 11 clients attack; honest models lie within 1 of 5 in each of 700 elements, and so must the result.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Complete_WithAttackers_StaysWithinTheHonest(Strategy strategy, string name)
    {
        var random = new Random(3);
        foreach (var attack in new Func<float, float>[] { x => x * 1e6f, x => -x, _ => -3e38f, _ => 5.9f })
        {
            var models = Enumerable.Range(0, 11).Select(k => Enumerable.Range(0, 700).Select(_ =>
            {
                var honest = 5 + (float)(random.NextDouble() * 2 - 1);
                return k is 3 or 8 ? attack(honest) : honest;
            }).ToArray()).ToArray();
            Assert.All(Next(strategy, models), value => Assert.True(value is >= 4 and <= 6, $"{name} gave {value}"));
        }
    }

    /// <summary>1300 elements span three tiles, the last of them not full.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Complete_InAnyOrderOfClients_GivesTheSameBits(Strategy strategy, string name)
    {
        var random = new Random(4);
        var models = Enumerable.Range(0, 11).Select(_ => Enumerable.Range(0, 1300).Select(_ => (float)random.NextDouble()).ToArray()).ToArray();
        var first = Next(strategy, models);
        for (var i = 0; i < 5; i++)
        {
            random.Shuffle(models);
            Assert.True(first.AsSpan().SequenceEqual(Next(strategy, models)), name);
        }
    }

    /// <summary>Sorting networks of every size up to 40 clients, against a sort of each column.</summary>
    [Fact]
    public void FedMedian_OfAnyNumberOfClients_AgreesWithSorting()
    {
        var random = new Random(5);
        for (var clients = 1; clients <= 40; clients++)
        {
            var models = Enumerable.Range(0, clients).Select(_ => Enumerable.Range(0, 37).Select(_ => (float)random.Next(20)).ToArray()).ToArray();
            var expected = Enumerable.Range(0, 37).Select(i =>
            {
                var column = models.Select(model => (double)model[i]).Order().ToArray();
                return (float)((column[(clients - 1) / 2] + column[clients / 2]) / 2);
            });
            Assert.Equal(expected, Next(new FedMedian(), models));
        }
    }

    [Fact]
    public void Check_OfAModelWithNaN_RefusesIt()
    {
        var refusal = new FedMedian().Check(TestKit.State(TestKit.Floats(0)), TestKit.Fit(1, TestKit.Floats(float.NaN)));
        Assert.Equal(FailureReason.NotFinite, refusal!.Reason);
    }

    private static float[] Next(Strategy strategy, params float[][] models)
    {
        var aggregation = strategy.AggregateFit(TestKit.State(NdArray.Zeros([models[0].Length])));
        // Results arrive in another order than the tasks were given out in.
        for (var i = models.Length - 1; i >= 0; i--) aggregation.Add(i, TestKit.Fit(1, NdArray.From<float>(models[i])));
        return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>();
    }
}
