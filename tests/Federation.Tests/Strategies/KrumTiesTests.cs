using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Equal scores are decided by a rule of the user's choice, by hand.</summary>
public sealed class KrumTiesTests
{
    // With K = 4 and f = 1 a score is the distance to the nearest one: 0 and 1 are each other's, at 1; 3 and 4.5 score 2.25 each.
    // The sums of squares to all others are 1 + 9 + 20.25 and 1 + 4 + 12.25: the second is nearer to all.
    [Theory]
    [InlineData(KrumTies.First, 0)]
    [InlineData(KrumTies.NearestToAll, 1)]
    public void Krum_OfTwoEqualScores_TakesTheOneTheRuleSays(KrumTies ties, float expected) =>
        Assert.Equal(expected, Next(new Krum { NumMaliciousClients = 1, Ties = ties }, 0, 1, 3, 4.5f));

    // K = 7, f = 1, θ = 5. Scores among all are sums of the 4 nearest: of 0 1 2 3 4 5 20 they are 30 (1+4+9+16), 15 (1+1+4+9), 10, 10, 15,
    // 30 and far more. At once: 2, 3, 1, 4, 0 (0 before 5). One after the other: 2 first of the tie with 3, and so on.
    [Fact]
    public void Bulyan_AtOnce_TakesTheLowestScoresAmongAll()
    {
        float[] values = [0, 1, 2, 3, 4, 5, 20];
        var distances = new double[7, 7];
        for (var i = 0; i < 7; i++)
        {
            for (var j = 0; j < 7; j++) distances[i, j] = (values[i] - values[j]) * (values[i] - values[j]);
        }
        Assert.Equal([2, 3, 1, 4, 0, 5, 6], KrumScores.Order(distances, [0, 1, 2, 3, 4, 5, 6], 1, KrumTies.First));
        // Chosen 0..4, the median is 2 and the three values nearest to it 1, 2, 3.
        Assert.Equal(2f, Next(new Bulyan { NumMaliciousClients = 1, Ties = KrumTies.First, Selection = BulyanSelection.AtOnce }, values));
    }

    [Fact]
    public void Bulyan_OfEitherSelection_StaysAmongTheHonest()
    {
        foreach (var selection in Enum.GetValues<BulyanSelection>())
        {
            foreach (var ties in Enum.GetValues<KrumTies>())
            {
                Assert.InRange(Next(new Bulyan { NumMaliciousClients = 1, Ties = ties, Selection = selection }, 1, 1.1f, 1.2f, 1.3f, 1.4f, 1.5f, 1e6f), 1, 1.5f);
            }
        }
    }

    [Fact]
    public void ToString_OfStrategies_SaysTheirSettings()
    {
        Assert.StartsWith("Krum { NumMaliciousClients = 2, NumClientsToKeep = 0, Ties = First, FractionFit = 1, ", new Krum { NumMaliciousClients = 2, Ties = KrumTies.First }.ToString(), StringComparison.Ordinal);
        Assert.Equal("FedAvg { FractionFit = 0.5, FractionEvaluate = 1, MinFitClients = 2, MinEvaluateClients = 2, MinAvailableClients = 2 }", new FedAvg { FractionFit = 0.5 }.ToString());
    }

    private static float Next(Strategy strategy, params float[] values)
    {
        var aggregation = strategy.AggregateFit(TestKit.State(TestKit.Floats(0)));
        for (var k = 0; k < values.Length; k++) aggregation.Add(k, TestKit.Fit(1, TestKit.Floats(values[k])));
        return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>()[0];
    }
}
